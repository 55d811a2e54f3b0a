using System.Globalization;
using System.Runtime.InteropServices;
using Strongroom.Enclave.Evidence;
using Strongroom.Enclave.Native;

namespace Strongroom.System.Tests.Collect;

/// <summary>
/// configfs-tsm without its kernel: entries are directories of files, and a thread answers the first who opens <c>outblob</c>, which is a FIFO, with what was written
/// into the others until then. An answer is made when it is read, as in the kernel.
/// </summary>
internal sealed partial class SimulatedTsm : IDisposable
{
    private readonly Dictionary<string, (Thread Thread, ManualResetEventSlim Asked)> answering = [];

    public SimulatedTsm() => Place = Directory.CreateTempSubdirectory("strongroom-tsm-").FullName;

    public string Place { get; }

    public TsmReports Reports => new(Place, Make, Remove);

    /// <summary>Null where the kernel has the directory and no module behind it.</summary>
    public string? Provider { get; init; } = "sev_guest";

    /// <summary>The report over what is in <c>inblob</c>.</summary>
    public Func<byte[], byte[]> Report { get; init; } = asked => asked;

    /// <summary>What the host keeps for the report; null where the provider has no such file.</summary>
    public byte[]? Certificates { get; init; }

    /// <summary>The lowest privilege level that may be asked for; null where the provider knows none.</summary>
    public int? Floor { get; init; }

    /// <summary>How often somebody else writes into an entry before it is answered.</summary>
    public int Intruders { get; init; }

    /// <summary>What was written into <c>privlevel</c> of the last entry.</summary>
    public string Level { get; private set; } = "";

    public int Entries => Directory.GetDirectories(Place).Length;

    public void Dispose() => Directory.Delete(Place, recursive: true);

    private bool Make(string entry)
    {
        if (Provider is null) return false; // as mkdir says it: ENXIO
        Assert.True(Directories.Make(entry));
        Put("provider", Provider + "\n");
        Put("generation", "0\n");
        Put("inblob", "");
        if (Certificates is not null) File.WriteAllBytes(Path.Combine(entry, "auxblob"), Certificates);
        if (Floor is { } floor)
        {
            Put("privlevel", "");
            Put("privlevel_floor", $"{floor}\n");
        }
        Assert.Equal(0, mkfifo(Path.Combine(entry, "outblob"), 0b110_000_000));
        var asked = new ManualResetEventSlim();
        var thread = new Thread(() => Answer(entry, asked)) { IsBackground = true };
        lock (answering) answering.Add(entry, (thread, asked));
        thread.Start();
        return true;

        void Put(string name, string text) => File.WriteAllText(Path.Combine(entry, name), text);
    }

    private void Answer(string entry, ManualResetEventSlim asked)
    {
        using var report = new FileStream(Path.Combine(entry, "outblob"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0); // waits for a reader
        asked.Set();
        var challenge = File.ReadAllBytes(Path.Combine(entry, "inblob"));
        Level = Floor is null ? "" : File.ReadAllText(Path.Combine(entry, "privlevel"));
        var writes = Intruders + (challenge.Length > 0 ? 1 : 0) + (Level.Length > 0 ? 1 : 0);
        File.WriteAllText(Path.Combine(entry, "generation"), writes.ToString(CultureInfo.InvariantCulture) + "\n");
        try
        {
            report.Write(Report(challenge));
        }
        catch (IOException) // nobody reads on
        {
        }
    }

    private void Remove(string entry)
    {
        (Thread Thread, ManualResetEventSlim Asked) answer;
        lock (answering) answering.Remove(entry, out answer);
        var end = answer.Asked.IsSet ? -1 : Fcntl.open(Path.Combine(entry, "outblob"), Fcntl.ReadOnly | Fcntl.NonBlocking); // nobody asked: somebody must, or the thread waits for ever
        answer.Thread.Join();
        if (end >= 0) _ = Mman.close(end);
        Directory.Delete(entry, recursive: true);
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkfifo(string path, uint mode);
}
