using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Snp;

/// <summary>Everything that an appraisal may build a chain from: what came along with the report and what the caller has. Nothing of it is believed yet.</summary>
internal sealed record SnpEndorsements(IReadOnlyList<X509Certificate2> Certificates, IReadOnlyList<RevocationList> Lists, Endorsements Callers)
{
    private const int MaxRemembered = 1024;
    private const int MaxRememberedBytes = 32 * 1024;

    private static readonly Remembered<Digest, SnpEndorsements> Tables = new(MaxRemembered);

    /// <summary>Entries of the table that are not what their kind says. Whoever put them there could have left them out as well.</summary>
    public IReadOnlyList<string> Broken { get; private init; } = [];

    public static SnpEndorsements Of(SnpEvidence evidence, Endorsements callers)
    {
        var own = OfTable(evidence.Table);
        return own.Certificates.Count == 0 && own.Lists.Count == 0 ? new(callers.Certificates, callers.RevocationLists, callers) { Broken = own.Broken }
            : new([.. own.Certificates, .. callers.Certificates], [.. own.Lists, .. callers.RevocationLists], callers) { Broken = own.Broken };
    }

    /// <summary>When a signed bundle was collected counts for the lists in it, never for one that came along with the report.</summary>
    public TimeSpan AgeOf(RevocationList list, DateTimeOffset at) => Callers.RevocationLists.Contains(list) ? Callers.AgeOf(list.ThisUpdate, at) : at - list.ThisUpdate;

    /// <summary>A machine sends the same table with every report; parsed certificates carry what was learnt of them.</summary>
    private static SnpEndorsements OfTable(IReadOnlyList<SnpTableEntry> table)
    {
        if (table.Count == 0) return new([], [], Endorsements.None);
        if (table.Sum(entry => (long)entry.Bytes.Length) > MaxRememberedBytes) return Parse(table);
        var writer = new ByteWriter();
        foreach (var entry in table) writer.U32((uint)entry.Bytes.Length).U8(entry.Kind == "CRL" ? (byte)1 : SnpEvidence.Guids.Values.Contains(entry.Kind) ? (byte)2 : (byte)0).Bytes(entry.Bytes.Span);
        var digest = Digest.Of(writer.Written);
        if (Tables.TryGet(digest, out var before)) return before;
        return Tables.Add(digest, Parse(table));
    }

    private static SnpEndorsements Parse(IReadOnlyList<SnpTableEntry> table)
    {
        List<X509Certificate2> certificates = [];
        List<RevocationList> lists = [];
        List<string> broken = [];
        foreach (var entry in table.Where(entry => SnpEvidence.Guids.Values.Contains(entry.Kind)))
        {
            var name = $"the {entry.Kind} of the certificate table";
            try
            {
                // DER as the specification has it, or PEM as some hosts store it; a list likewise.
                var found = Endorsements.Read([(name, entry.Bytes)]);
                if (entry.Kind == "CRL" ? found.RevocationLists.Count == 0 : found.Certificates.Count == 0) broken.Add($"{name} cannot be read");
                certificates.AddRange(found.Certificates);
                lists.AddRange(found.RevocationLists);
            }
            catch (MalformedException e)
            {
                broken.Add($"{name} cannot be read ({e.Message})");
            }
        }
        return new(certificates, lists, Endorsements.None) { Broken = broken };
    }
}
