using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;
using Strongroom.Sealing;

namespace Strongroom.Facts;

/// <summary>
/// What a command brings along that is too large for an entry and lies beside the ledger: a model's manifest, the certificates that vouch for a TPM. The
/// broker asks these rules before it writes, the auditor asks them again of what lies there, so that neither has to be believed.
/// </summary>
public static class Enclosures
{
    /// <summary>SHA-256 of each, in the order in which the command names them.</summary>
    public static IReadOnlyList<Digest> Of(Command command) => command switch
    {
        AddModel add => [add.ManifestDigest],
        EnrolMachine { Endorsement: { } endorsement } enrol => [endorsement, .. enrol.Intermediates ?? []],
        _ => [],
    };

    /// <summary>Every reason why the command may not be written with these beside it; empty if it may. Asked after <see cref="LedgerState.Refusals"/>.</summary>
    /// <param name="state">The ledger before the command: the publishers' keys and the roots that were recorded then.</param>
    /// <param name="enclosed">In the order of <see cref="Of"/>.</param>
    /// <param name="now">When the command is written: certificates must be valid then.</param>
    public static IReadOnlyList<string> Refusals(LedgerState state, Command command, IReadOnlyList<ReadOnlyMemory<byte>> enclosed, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(enclosed);
        if (!enclosed.Select(bytes => Digest.Of(bytes.Span)).SequenceEqual(Of(command))) return ["what comes with the command is not what it names"];
        try
        {
            return command switch
            {
                AddModel add => [.. Signed(state, add, Manifest.Parse(enclosed[0].Span))],
                EnrolMachine { Endorsement: not null } => Vouched(state, enclosed, now),
                _ => [],
            };
        }
        catch (MalformedException e)
        {
            return [e.Message];
        }
        catch (RefusedException e)
        {
            return e.Reasons;
        }
    }

    /// <summary>Parsing has checked that the manifest bears the signature of the key that it names.</summary>
    private static IEnumerable<string> Signed(LedgerState state, AddModel add, Manifest manifest)
    {
        if (!state.Access.Publishers.TryGetValue(add.Publisher, out var key) || !manifest.IsFrom(key)) yield return $"the manifest is not signed by the key on record for {add.Publisher}";
        if (manifest.Name != add.Model || manifest.Version != add.Version) yield return $"the manifest is of {manifest.Name} version {manifest.Version}";
        if (manifest.ModelDigest != add.ModelDigest) yield return "the command is signed for another manifest";
    }

    private static List<string> Vouched(LedgerState state, IReadOnlyList<ReadOnlyMemory<byte>> certificates, DateTimeOffset now)
    {
        var reasons = new List<string>();
        EndorsementKey.Check(certificates[0], certificates.Skip(1), state.Access.EndorsementRoots, now, reasons);
        return reasons;
    }
}
