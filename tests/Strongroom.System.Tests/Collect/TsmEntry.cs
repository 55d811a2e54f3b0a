using System.Globalization;
using System.Text;

namespace Strongroom.System.Tests.Collect;

/// <summary>What a guest's kernel module says: a report over 64 bytes, from a processor that a test can exchange.</summary>
/// <param name="Provider">sev_guest or tdx_guest.</param>
/// <param name="Report">Over what is in <c>inblob</c>.</param>
internal sealed record TsmModule(string Provider, Func<byte[], byte[]> Report)
{
    internal bool KnowsLevels => Provider == "sev_guest";
}

/// <summary>
/// One entry of configfs-tsm as Linux keeps it (drivers/virt/coco/guest/report.c): each write counts, what was written is never read back, and a report is made when it
/// is first read after a write.
/// </summary>
internal sealed class TsmEntry(Func<TsmModule> module)
{
    internal const int NotThere = 2, NotYours = 13, Invalid = 22; // ENOENT, EACCES, EINVAL

    private const int MaxChallenge = 64;

    private byte[] challenge = [];
    private byte[] report = [];
    private int written;
    private int made;

    /// <summary>Files and whether they are text: those have a page for their size, the others none, whatever is in them.</summary>
    internal IReadOnlyDictionary<string, bool> Files { get; } = new Dictionary<string, bool>((IEnumerable<KeyValuePair<string, bool>>)
    [
        new("provider", true), new("generation", true), new("inblob", false), new("outblob", false),
        .. module().KnowsLevels ? (KeyValuePair<string, bool>[])[new("privlevel", true), new("privlevel_floor", true), new("auxblob", false)] : [],
    ]);

    /// <exception cref="TsmRefusal">It cannot be read, or there is nothing yet to report on.</exception>
    internal byte[] Read(string file) => file switch
    {
        "provider" => Line(module().Provider),
        "generation" => Line(written.ToString(CultureInfo.InvariantCulture)),
        "privlevel_floor" => Line("0"),
        "outblob" => Report(),
        "auxblob" => [], // the host keeps no certificates: they are on record
        _ => throw new TsmRefusal(NotYours),
    };

    /// <exception cref="TsmRefusal">It cannot be written, or not so.</exception>
    internal void Write(string file, ReadOnlySpan<byte> value)
    {
        if (file is not ("inblob" or "privlevel")) throw new TsmRefusal(NotYours);
        if (file == "inblob" ? value.Length > MaxChallenge : !int.TryParse(value.TrimEnd((byte)'\n'), NumberStyles.None, CultureInfo.InvariantCulture, out _)) throw new TsmRefusal(Invalid);
        if (file == "inblob") challenge = value.ToArray();
        written++;
    }

    private byte[] Report()
    {
        if (challenge.Length == 0) throw new TsmRefusal(Invalid);
        if (made != written) (report, made) = (module().Report(challenge), written);
        return report;
    }

    private static byte[] Line(string word) => Encoding.ASCII.GetBytes(word + "\n");
}

/// <param name="errno">As the program sees it.</param>
internal sealed class TsmRefusal(int errno) : Exception
{
    internal int Errno => errno;
}
