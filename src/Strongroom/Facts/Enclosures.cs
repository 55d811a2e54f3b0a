using System.Security.Cryptography;
using Strongroom.Attestation;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;
using Strongroom.Sealing;

namespace Strongroom.Facts;

/// <summary>
/// What a command brings along that is too large for an entry and lies beside the ledger: a model's manifest, the certificates that vouch for a TPM, the evidence
/// of a TEE, vendors' endorsements, what a machine measured, a signed CoRIM. The
/// broker asks these rules before it writes, the auditor asks them again of what lies there, so that neither has to be believed. What is dear is done
/// once: hashing and reading up to 16 MiB by <see cref="Read"/>, a chain of certificates or a TEE's evidence by the first <see cref="Refusals"/> that finds it to hold.
/// </summary>
public sealed class Enclosures
{
    private readonly Manifest? manifest;
    private readonly RecordedEndorsements onRecord;
    private readonly RecordedEndorsements? bundle;
    private readonly IReadOnlyList<string> wrong;
    private IReadOnlyList<string>? disproved; // as the next one
    private EndorsementPath? vouched; // an answer once found; whoever loses a race over it has found another that holds as well

    private Enclosures(IReadOnlyList<ReadOnlyMemory<byte>> blobs, IReadOnlyList<string> wrong, Manifest? manifest = null, RecordedEndorsements? bundle = null, RecordedEndorsements? onRecord = null) =>
        (Blobs, this.wrong, this.manifest, this.bundle, this.onRecord) = (blobs, wrong, manifest, bundle, onRecord ?? RecordedEndorsements.None);

    /// <summary>In the order in which the command names them.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Blobs { get; }

    /// <summary>SHA-256 of each, in the order in which the command names them.</summary>
    public static IReadOnlyList<Digest> Of(Command command) => command switch
    {
        AddModel add => [add.ManifestDigest],
        RecordEndorsements record => [record.Bundle],
        ProposeChange { Change: SetReference { Corim: { } corim } } => [corim.File],
        EnrolMachine enrol => [.. CertificatesOf(enrol), .. Each(enrol.Evidence), .. Each(enrol.Measurement)],
        _ => [],
    };

    /// <summary>SHA-256 of the certificate that vouches for a machine and of those above it; empty where none does.</summary>
    public static IReadOnlyList<Digest> CertificatesOf(EnrolMachine enrol)
    {
        ArgumentNullException.ThrowIfNull(enrol);
        return enrol.Endorsement is { } endorsement ? [endorsement, .. enrol.Intermediates ?? []] : [];
    }

    /// <summary>Reads what came with the command; what is wrong with it alone is among the <see cref="Refusals"/> of every ledger.</summary>
    /// <param name="blobs">In the order of <see cref="Of"/>.</param>
    /// <param name="onRecord">What a TEE's evidence is judged with, and what a bundle is to follow; other commands need none.</param>
    /// <exception cref="MalformedException">What the command names as a manifest, a bundle or a measurement is none.</exception>
    public static Enclosures Read(Command command, IReadOnlyList<ReadOnlyMemory<byte>> blobs, RecordedEndorsements? onRecord = null)
    {
        ArgumentNullException.ThrowIfNull(blobs);
        if (!blobs.Select(bytes => Digest.Of(bytes.Span)).SequenceEqual(Of(command))) return new(blobs, ["what comes with the command is not what it names"]);
        try
        {
            return command switch
            {
                AddModel => new(blobs, [], Manifest.Parse(blobs[0].Span)),
                RecordEndorsements => new(blobs, [], bundle: RecordedEndorsements.Read(blobs[0]), onRecord: onRecord),
                EnrolMachine { Measurement: not null } enrol => new(blobs, [.. Measured(enrol, Measurement.Parse(blobs[^1].Span))], onRecord: onRecord),
                _ => new(blobs, []),
            };
        }
        catch (RefusedException e)
        {
            return new(blobs, e.Reasons);
        }
    }

    /// <summary>Every reason why the command may not be written with these beside it; empty if it may. Asked after <see cref="LedgerState.Refusals"/>.</summary>
    /// <param name="state">The ledger before the command: the publishers' keys and the roots that were recorded then.</param>
    /// <param name="command">The one that they were read with.</param>
    /// <param name="now">When the command is written: certificates must be valid then.</param>
    /// <exception cref="MalformedException">What the command names as evidence is none.</exception>
    /// <exception cref="UnavailableException">The endorsements on record do not suffice, or have changed since: there is nothing to decide on.</exception>
    public IReadOnlyList<string> Refusals(LedgerState state, Command command, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (wrong.Count > 0) return wrong;
        return command switch
        {
            AddModel add => [.. Signed(state, add, manifest!)],
            RecordEndorsements record => [.. Collected(state, record, bundle!), .. Follows(state)],
            ProposeChange { Change: SetReference { Corim: { } corim } set } => CorimRules.Refusals(set, corim, Blobs[0], now),
            EnrolMachine { Evidence: not null } enrol => Proved(state, enrol),
            EnrolMachine { Endorsement: not null } enrol => Vouched(state, enrol, now),
            _ => [],
        };
    }

    private static IReadOnlyList<Digest> Each(Digest? named) => named is { } digest ? [digest] : [];

    /// <summary>Parsing has checked that the manifest bears the signature of the key that it names.</summary>
    private static IEnumerable<string> Signed(LedgerState state, AddModel add, Manifest manifest)
    {
        if (!state.Access.Publishers.TryGetValue(add.Publisher, out var key) || !manifest.IsFrom(key)) yield return $"the manifest is not signed by the key on record for {add.Publisher}";
        if (manifest.Name != add.Model || manifest.Version != add.Version) yield return $"the manifest is of {manifest.Name} version {manifest.Version}";
        if (manifest.ModelDigest != add.ModelDigest) yield return "the command is signed for another manifest";
    }

    private static IEnumerable<string> Collected(LedgerState state, RecordEndorsements record, RecordedEndorsements bundle)
    {
        if (!state.Access.Collectors.TryGetValue(record.Collector, out var key) || !bundle.IsSignedBy(key)) yield return $"the bundle is not signed by the key on record for {record.Collector}";
        if (bundle.Collected != record.Collected) yield return $"the bundle was collected at {Timestamp.Format(bundle.Collected!.Value)}";
    }

    private IEnumerable<string> Follows(LedgerState state)
    {
        onRecord.Require(state);
        return bundle!.PutBack(onRecord);
    }

    private IReadOnlyList<string> Proved(LedgerState state, EnrolMachine enrol)
    {
        onRecord.Require(state);
        return disproved ??= [.. Disproved(enrol)];
    }

    private IEnumerable<string> Disproved(EnrolMachine enrol)
    {
        if (enrol.Transcript is not { } transcript) return ["it answers nothing"];
        var found = onRecord.Enrolment(enrol.Kind, Blobs[0], transcript.Digest(), transcript.Issued);
        if (found.Identity is not { } identity) return found.Reasons;
        var measured = Measurement.Of(enrol.Kind, found.Claims);
        List<string> reasons = [];
        if (!identity.ToBytes().AsSpan().SequenceEqual(enrol.AttestationKey.Span)) reasons.Add($"the evidence is of {identity.MachineId()}");
        if (measured != enrol.Measurement) reasons.Add($"the evidence measures {measured}");
        return reasons;
    }

    /// <summary>What people will read as this machine's measurement is one that it could have, and means no more than itself where it becomes what is expected of others.</summary>
    private static IEnumerable<string> Measured(EnrolMachine enrol, Measurement measured)
    {
        if (measured.Kind != enrol.Kind) yield return $"the measurement is of {measured.Kind} evidence";
        if (enrol.Kind == "tpm" && !measured.Claims.Keys.ToHashSet().SetEquals(enrol.Pcrs.Select(pcr => $"pcr{pcr}"))) yield return "the measurement is of other PCRs than the machine quotes";
        foreach (var (claim, value) in measured.Claims)
        {
            if (enrol.Kind == "tpm" && !IsSha256(value)) yield return $"{claim} of the measurement is not 64 hexadecimal digits in lower case";
            if (enrol.Kind == DevelopmentEvidence.KindName && !ClaimText.IsPlain(value)) yield return $"{claim} of the measurement could be read as more than one value";
        }
    }

    private static bool IsSha256(string value) => value.Length == 2 * SHA256.HashSizeInBytes && !value.AsSpan().ContainsAnyExcept("0123456789abcdef");

    private List<string> Vouched(LedgerState state, EnrolMachine enrol, DateTimeOffset now)
    {
        var reasons = new List<string>();
        if (vouched?.Holds(state.Access.EndorsementRoots, now) == true) return reasons;
        try
        {
            vouched = EndorsementKey.Check(Blobs[0], Blobs.Skip(1).Take(CertificatesOf(enrol).Count - 1), state.Access.EndorsementRoots, now, reasons)?.Path;
        }
        catch (MalformedException e)
        {
            reasons.Add(e.Message);
        }
        return reasons;
    }
}
