using Strongroom.Bytes;

namespace Strongroom.Enclave.Evidence;

/// <summary>A processor that can say what runs on it.</summary>
/// <param name="Kind"><c>sev-snp</c>, <c>tdx</c> or <c>nitro</c>.</param>
/// <param name="Where">How it is asked, in words.</param>
/// <param name="Attest">Evidence over exactly these bytes.</param>
public sealed record Processor(string Kind, string Where, Func<ReadOnlyMemory<byte>, byte[]> Attest)
{
    /// <summary>The one that this machine has; null where it has none.</summary>
    /// <exception cref="UnavailableException">It has one that cannot be asked, or that is not known here.</exception>
    public static Processor? Find() => Find(new TsmReports(), NitroModule.IsPresent);

    /// <exception cref="UnavailableException">This machine has none of that kind.</exception>
    public static Processor Require(string kind) => Require(kind, new TsmReports(), NitroModule.IsPresent);

    internal static Processor? Find(TsmReports reports, bool hasNitro) => Tsm(reports) ?? Nitro(hasNitro);

    internal static Processor Require(string kind, TsmReports reports, bool hasNitro) =>
        (kind == "nitro" ? Nitro(hasNitro) : Tsm(reports)) is { } found && found.Kind == kind ? found : throw new UnavailableException($"this machine has no {kind}: {Missing(kind)}");

    private static Processor? Tsm(TsmReports reports) =>
        reports.Kind() is { } kind ? new(kind, $"configfs-tsm ({TsmReports.Place})", challenge => reports.Report(kind, challenge)) : null;

    private static Processor? Nitro(bool isPresent) => isPresent ? new("nitro", NitroModule.Place, challenge => new NitroModule().Attest(challenge)) : null;

    private static string Missing(string kind) => kind == "nitro"
        ? $"there is no {NitroModule.Place}, which only Nitro enclaves have"
        : $"{TsmReports.Place} is not there or speaks for another kind; it needs Linux 6.7, a guest of that kind, and configfs (mount -t configfs none /sys/kernel/config)";
}
