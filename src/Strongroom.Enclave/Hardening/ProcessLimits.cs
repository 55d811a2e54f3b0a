using Strongroom.Enclave.Native;

namespace Strongroom.Enclave.Hardening;

/// <summary>What a process can refuse about itself: core dumps, inspection by its own user, and new privileges.</summary>
internal static class ProcessLimits
{
    internal static void Harden()
    {
        Errno.Require(Resource.setrlimit(Resource.Core, default), "forbidding core dumps");
        Errno.Require(Prctl.prctl(Prctl.SetNoNewPrivileges, 1), "forbidding new privileges");
        Errno.Require(Prctl.prctl(Prctl.SetDumpable, 0), "becoming undumpable");
        if (Prctl.prctl(Prctl.GetDumpable, 0) != 0) throw Errno.Failure("this process is still dumpable");
    }
}
