using Strongroom.Bytes;
using Strongroom.Enclave.Native;

namespace Strongroom.Enclave.Hardening;

/// <summary>
/// Takes from a process that is to run somebody else's code what it could turn on the one that started it. In two steps, since capabilities and new privileges belong to
/// single threads and a runtime has many: what the starting thread gives up no thread of the new process ever has, and the rest goes with the user, for all of them at once.
/// </summary>
internal static unsafe class Confinement
{
    private const int SetGroupId = 6; // CAP_SETGID
    private const int SetUserId = 7; // CAP_SETUID
    private const int LastCapability = 63; // there is room for no more

    /// <summary>Processor time, in seconds: as long as anybody waits for it.</summary>
    private const ulong ProcessorTime = 120;

    /// <summary>Private memory that can be written, in bytes.</summary>
    private const ulong Memory = 4UL << 30;

    /// <summary>
    /// For a thread that does nothing but start the process: what it starts can gain nothing by a set-user-ID program, and has no capability but those to become somebody else.
    /// </summary>
    internal static void OfWhatThisThreadStarts()
    {
        Errno.Require(Prctl.prctl(Prctl.SetNoNewPrivileges, 1), "forbidding new privileges");
        Errno.Require(Prctl.prctl(Prctl.Ambient, Prctl.AmbientClearAll), "giving up ambient capabilities");
        for (var capability = 0; capability <= LastCapability; capability++)
            if (capability is not (SetGroupId or SetUserId)) _ = Prctl.prctl(Prctl.DropFromBoundingSet, capability); // only root may, and only root has to
    }

    /// <summary>
    /// In the process itself, before foreign code: a session of its own, another user where this one is root, an end of its memory and time, and dead with the thread that started it.
    /// </summary>
    /// <param name="group">The one that it needs.</param>
    /// <exception cref="UnavailableException">Something of it is refused here.</exception>
    internal static void Enter(uint group = Credentials.Nobody)
    {
        _ = Process.setsid(); // no terminal, and one group to be killed by
        if (Credentials.geteuid() == 0) Become(group);
        Errno.Require(Prctl.prctl(Prctl.SetDumpable, 0), "becoming undumpable");
        Errno.Require(Prctl.prctl(Prctl.DieWithParent, Process.Kill), "dying with the parent"); // last: a change of user undoes it
        Limit(Resource.Core, 0);
        Limit(Resource.Data, Memory);
        Limit(Resource.ProcessorTime, ProcessorTime);
        foreach (var thread in Directory.EnumerateDirectories("/proc/self/task")) RequireConfined(thread);
    }

    private static void Become(uint group)
    {
        Errno.Require(Credentials.setgroups(0, null), "leaving all groups");
        Errno.Require(Credentials.setresgid(group, group, group), $"becoming group {group}");
        Errno.Require(Credentials.setresuid(Credentials.Nobody, Credentials.Nobody, Credentials.Nobody), "becoming nobody");
    }

    private static void Limit(int resource, ulong limit) => Errno.Require(Resource.setrlimit(resource, new() { Soft = limit, Hard = limit }), "limiting resources");

    /// <summary>The kernel's own word, of each thread.</summary>
    private static void RequireConfined(string thread)
    {
        string[] status;
        try
        {
            status = File.ReadAllLines(Path.Combine(thread, "status"));
        }
        catch (IOException)
        {
            return; // it ended between the listing and the look
        }
        foreach (var (field, wanted) in (ReadOnlySpan<(string, string)>)[("CapPrm", "0000000000000000"), ("CapEff", "0000000000000000"), ("CapAmb", "0000000000000000"), ("NoNewPrivs", "1")])
            if (!status.Contains($"{field}:\t{wanted}")) throw new UnavailableException($"the process that loads the driver's library could not give up its privileges: {field} is not {wanted}");
    }
}
