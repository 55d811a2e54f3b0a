using System.Runtime.InteropServices;
using Strongroom.Bytes;

namespace Strongroom.Enclave.Native;

/// <summary>What a failed system call left behind, as an outcome that says what to do.</summary>
internal static class Errno
{
    internal const int NoEntry = 2; // ENOENT
    internal const int Interrupted = 4; // EINTR
    internal const int NoDevice = 6; // ENXIO: a socket in the file system, or nothing behind a name
    internal const int NoChild = 10; // ECHILD
    internal const int Loop = 40; // ELOOP: with O_NOFOLLOW, a symbolic link

    internal static int Last => Marshal.GetLastPInvokeError();

    internal static UnavailableException Failure(string what) => new($"{what}: {Marshal.GetPInvokeErrorMessage(Last)}");

    internal static void Require(int result, string what)
    {
        if (result < 0) throw Failure(what);
    }
}
