using Strongroom.Bytes;

namespace Strongroom.Enclave.Memory;

/// <summary>The two kinds of protected memory. Policy chooses, the lease binds the choice; spec/release-protocol.md calls them by these names.</summary>
public enum MemoryKind
{
    /// <summary>memfd_secret(2): pages that the kernel itself has no mapping of, so that no read through it reaches them. Linux 6.5 or later.</summary>
    Secret,

    /// <summary>Anonymous transparent huge pages, locked, out of core dumps and children: fast, and readable by root unless a TEE encrypts them.</summary>
    Locked,
}

public static class MemoryKinds
{
    /// <exception cref="MalformedException">Neither "secret" nor "locked".</exception>
    public static MemoryKind Parse(string name) => name switch
    {
        "secret" => MemoryKind.Secret,
        "locked" => MemoryKind.Locked,
        _ => throw new MalformedException(-1, $"protected memory is \"secret\" or \"locked\", not \"{name}\""),
    };

    public static string Name(this MemoryKind kind) => kind == MemoryKind.Secret ? "secret" : "locked";
}
