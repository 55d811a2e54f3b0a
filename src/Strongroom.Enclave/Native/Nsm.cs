using System.Runtime.InteropServices;

namespace Strongroom.Enclave.Native;

/// <summary>linux/nsm.h: one message to the Nitro Secure Module and its answer.</summary>
internal static unsafe partial class Nsm
{
    internal const int MaxRequestSizeInBytes = 0x1000; // NSM_REQUEST_MAX_SIZE
    internal const int MaxResponseSizeInBytes = 0x3000; // NSM_RESPONSE_MAX_SIZE

    private const nuint Raw = 0xC0200A00; // NSM_IOCTL_RAW: _IOWR(0x0A, 0, struct nsm_raw)
    private const int ReadWrite = 2; // O_RDWR

    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        internal ulong Request;
        internal ulong RequestLength;
        internal ulong Response;
        internal ulong ResponseLength;
    }

    /// <exception cref="Bytes.UnavailableException">There is no such device, it may not be used, or it did not answer.</exception>
    internal static byte[] Exchange(string device, ReadOnlySpan<byte> request)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(request.Length, MaxRequestSizeInBytes);
        var descriptor = Fcntl.open(device, ReadWrite | Fcntl.CloseOnExec);
        Errno.Require(descriptor, $"opening {device}");
        try
        {
            var response = new byte[MaxResponseSizeInBytes];
            fixed (byte* asked = request, answered = response)
            {
                var message = new Message { Request = (ulong)asked, RequestLength = (ulong)request.Length, Response = (ulong)answered, ResponseLength = MaxResponseSizeInBytes };
                Errno.Require(ioctl(descriptor, Raw, &message), $"asking {device}");
                return response[..(int)Math.Min(message.ResponseLength, MaxResponseSizeInBytes)];
            }
        }
        finally
        {
            _ = Mman.close(descriptor);
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(int descriptor, nuint request, Message* message);
}
