using Strongroom.Enclave.Native;

namespace Strongroom.Enclave.Memory;

/// <summary>RLIMIT_MEMLOCK, which both kinds of protected memory count against unless the process has CAP_IPC_LOCK.</summary>
internal static class LockLimit
{
    /// <summary>To the hard limit, or beyond it where the process may. What is still too little, mapping or locking refuses by name.</summary>
    internal static void Raise()
    {
        var unlimited = new Resource.Limit { Soft = Resource.Infinity, Hard = Resource.Infinity };
        if (Resource.setrlimit(Resource.LockedMemory, unlimited) == 0) return;
        Errno.Require(Resource.getrlimit(Resource.LockedMemory, out var limit), "reading RLIMIT_MEMLOCK");
        Errno.Require(Resource.setrlimit(Resource.LockedMemory, limit with { Soft = limit.Hard }), "raising RLIMIT_MEMLOCK");
    }
}
