using System.Runtime.InteropServices;

namespace Strongroom.Enclave.Native;

/// <summary>sys/prctl.h.</summary>
internal static partial class Prctl
{
    internal const int DieWithParent = 1; // PR_SET_PDEATHSIG
    internal const int SetDumpable = 4; // PR_SET_DUMPABLE
    internal const int GetDumpable = 3; // PR_GET_DUMPABLE
    internal const int DropFromBoundingSet = 24; // PR_CAPBSET_DROP
    internal const int SetNoNewPrivileges = 38; // PR_SET_NO_NEW_PRIVS
    internal const int Ambient = 47; // PR_CAP_AMBIENT
    internal const int AmbientClearAll = 4; // PR_CAP_AMBIENT_CLEAR_ALL
    internal const int SetPtracer = 0x59616d61; // PR_SET_PTRACER

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int prctl(int option, nint second, nint third = 0, nint fourth = 0, nint fifth = 0);
}
