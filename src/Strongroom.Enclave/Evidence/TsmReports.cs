using System.Globalization;
using System.Text;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Enclave.Native;

namespace Strongroom.Enclave.Evidence;

/// <summary>
/// What a SEV-SNP or TDX guest's processor says, through Linux's configfs-tsm (Documentation/ABI/testing/configfs-tsm-report, Linux 6.7). spec/collect.md.
/// </summary>
/// <remarks>
/// Each report is made in an entry of its own, and <c>generation</c> must have counted our writes and no others: a report that answers what somebody else wrote
/// in between would be refused by the verifier anyway, but the machine would not know why.
/// </remarks>
public sealed class TsmReports
{
    /// <summary>Where Linux has it once configfs is mounted.</summary>
    public const string Place = "/sys/kernel/config/tsm/report";

    private const int MaxWordSizeInBytes = 256;

    private readonly string place;
    private readonly Func<string, bool> make;
    private readonly Action<string> remove;

    public TsmReports() : this(Place, Directories.Make, Directories.Remove)
    {
    }

    /// <param name="place">A directory in the place of the kernel's.</param>
    /// <param name="make">Makes an entry: in the kernel's, mkdir does, and its files are there. False where no module stands behind the directory.</param>
    /// <param name="remove">Removes it with its files.</param>
    internal TsmReports(string place, Func<string, bool> make, Action<string> remove) => (this.place, this.make, this.remove) = (place, make, remove);

    /// <summary>The kind of evidence: <c>sev-snp</c> or <c>tdx</c>; null where there is no such module.</summary>
    /// <exception cref="UnavailableException">The kernel has a module and does not let us ask it, or one of a kind that is not known here: a processor that is there, and nothing weaker takes its place.</exception>
    public string? Kind() => Directory.Exists(place)
        ? InEntry(entry => KindOf(Word(entry, "provider")) ?? throw new UnavailableException($"{place} speaks for '{Word(entry, "provider")}', which is not known here: ask for other evidence by name"), without: () => (string?)null)
        : null;

    /// <summary>A report over these bytes; of SEV-SNP with the certificates that the host keeps for it.</summary>
    /// <param name="kind">As <see cref="Kind"/> said.</param>
    /// <param name="challenge">Exactly what the report carries: 64 bytes, since the kernel pads nothing and the verifier pads nothing.</param>
    /// <exception cref="UnavailableException">There is no such module, it is of another kind, or somebody wrote into our entry.</exception>
    public byte[] Report(string kind, ReadOnlyMemory<byte> challenge)
    {
        if (challenge.Length != CompositeEvidence.ChallengeSizeInBytes) throw new ArgumentException($"a report carries {CompositeEvidence.ChallengeSizeInBytes} bytes", nameof(challenge));
        if (!Directory.Exists(place)) throw None();
        return InEntry(entry =>
        {
            var provider = Word(entry, "provider");
            if (KindOf(provider) != kind) throw new UnavailableException($"{place} speaks for {provider}, not for {kind}");
            var generation = Number(entry, "generation");
            generation += WritePrivilege(entry);
            Write(entry, "inblob", challenge.Span);
            generation++;
            var report = Read(entry, "outblob", CompositeEvidence.MaxPartSizeInBytes);
            if (report.Length == 0) throw new UnavailableException($"{place} gave an empty report");
            var certificates = kind == "sev-snp" && Has(entry, "auxblob") ? Read(entry, "auxblob", CompositeEvidence.MaxPartSizeInBytes - report.Length) : [];
            if (Number(entry, "generation") != generation) throw new UnavailableException($"another process wrote into {entry} while its report was made, or the kernel did not take what we wrote");
            return (byte[])[.. report, .. certificates];
        }, without: () => throw None());
    }

    private UnavailableException None() => new($"nothing reports at {place}: it needs Linux 6.7, a SEV-SNP or TDX guest, and configfs (mount -t configfs none /sys/kernel/config)");

    /// <summary>Level 0 of SEV-SNP, the guest's most privileged, where the provider knows levels.</summary>
    /// <returns>The number of writes.</returns>
    private static int WritePrivilege(string entry)
    {
        if (!Has(entry, "privlevel")) return 0;
        if (Has(entry, "privlevel_floor") && Number(entry, "privlevel_floor") is > 0 and var floor)
            throw new UnavailableException($"this guest can report for privilege level {floor} and above only: something more privileged runs beneath it, and level 0 is asked for");
        Write(entry, "privlevel", "0"u8);
        return 1;
    }

    private static string? KindOf(string provider) => provider switch
    {
        "sev_guest" => "sev-snp",
        "tdx_guest" => "tdx",
        _ => null,
    };

    private T InEntry<T>(Func<string, T> act, Func<T> without)
    {
        // drawn by the runtime from the kernel: a name that nobody else has, asked for before libcrypto may be touched
        var entry = Path.Combine(place, $"strongroom-{Guid.NewGuid():N}");
        try
        {
            if (!make(entry)) return without();
            try
            {
                return act(entry);
            }
            finally
            {
                remove(entry);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UnavailableException($"the processor's report could not be had from {place}: {e.Message.TrimEnd('.')}", e);
        }
    }

    private static bool Has(string entry, string name) => File.Exists(Path.Combine(entry, name));

    private static string Word(string entry, string name) => Encoding.ASCII.GetString(Read(entry, name, MaxWordSizeInBytes)).TrimEnd('\n');

    private static long Number(string entry, string name) =>
        long.TryParse(Word(entry, name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw new UnavailableException($"{name} of {entry} is no number");

    /// <summary>In one write: the kernel takes each as the whole value.</summary>
    private static void Write(string entry, string name, ReadOnlySpan<byte> value)
    {
        using var file = new FileStream(Path.Combine(entry, name), FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        file.Write(value);
    }

    /// <summary>To the end of the file: what the kernel says of such a file's length is not its content's.</summary>
    private static byte[] Read(string entry, string name, int max)
    {
        using var file = new FileStream(Path.Combine(entry, name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        var content = new byte[max + 1];
        var length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        return length <= max ? content[..length] : throw new UnavailableException($"{name} of {entry} has more than {max} bytes");
    }
}
