using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Composite;

/// <summary>
/// What composite evidence proves by itself, before anybody says which machine it should be of: how a machine with a TEE introduces itself. Under the strict
/// built-in policies but for one member; what else is wanted is for reference values and the release policy.
/// </summary>
/// <param name="Identity">Which machine it is; null when the evidence is rejected.</param>
/// <param name="Claims">As <see cref="VerifiedEvidence.Claims"/>; empty when the evidence is rejected.</param>
/// <param name="Reasons">One for each check that failed, with its id; empty when none did.</param>
public sealed record TeeEnrolment(MachineIdentity? Identity, IReadOnlyDictionary<string, string> Claims, IReadOnlyList<string> Reasons)
{
    private const int MaxTold = 4;

    /// <summary>Who issued the certificate of a device's attestation key is the device itself: only it could take it back. Every certificate above is asked after.</summary>
    private static readonly byte[] Policy = """{"gpu":{"leaf_revocation":false,"modes":["spt","mpt","ppcie"]},"switch":{"leaf_revocation":false}}"""u8.ToArray();

    /// <param name="kind">Of the processor: sev-snp, tdx or nitro.</param>
    /// <param name="evidence">As it came: <see cref="CompositeEvidence"/>.</param>
    /// <param name="transcript">Hash of the exchange that the evidence must have been made for.</param>
    /// <param name="endorsements">What is known of the vendors.</param>
    /// <param name="now">The verifier's clock.</param>
    /// <exception cref="MalformedException">The bytes are no evidence of a machine with a processor of this kind.</exception>
    /// <exception cref="UnavailableException">Nothing is wrong, but endorsements are missing or stale: nothing can be decided.</exception>
    public static TeeEnrolment Check(string kind, ReadOnlyMemory<byte> evidence, Digest transcript, Endorsements endorsements, DateTimeOffset now) =>
        Check(kind, evidence, transcript, endorsements, now, VendorRoots.Pinned);

    internal static TeeEnrolment Check(string kind, ReadOnlyMemory<byte> evidence, Digest transcript, Endorsements endorsements, DateTimeOffset now, VendorRoots roots)
    {
        if (CompositeEvidence.Parse(evidence.Span).Cpu.Kind != kind) throw new MalformedException(-1, $"the evidence is not of the kind {kind}");
        return Check(new(evidence, now) { Nonce = transcript.Span.ToArray(), Endorsements = endorsements }, roots);
    }

    internal static TeeEnrolment Check(AppraisalRequest request, VendorRoots roots)
    {
        // Endorsements that were collected after the challenge was issued would lie in its future, and their age would count by their vendors' dates alone.
        var at = request.Endorsements.Collected is { } collected && collected > request.At ? collected : request.At;
        var result = CompositeAppraiser.Under(roots).Appraise(request with { At = at, Policy = Policy, ProcessorFirst = true });
        return result.Outcome switch
        {
            Outcome.Rejected => Rejected([.. result.Failures.Select(InWords)]),
            Outcome.EndorsementsMissing => throw new UnavailableException($"endorsements are missing or stale: {Few(result.Missing)}"),
            _ => MachineIdentity.Of(result.Claims) is { } identity ? new(identity, TeeClaims.Of(result.Claims), [])
                : Rejected(["identity: the processor does not say which one it is, and no ledger can name it"]),
        };
    }

    /// <summary>What it says of a machine that is enrolled: whether it is that one.</summary>
    /// <param name="machine">As enrolled.</param>
    /// <param name="kind">Of the processor.</param>
    /// <param name="trusted">Made only where every check passed and it is that machine.</param>
    internal Verdict Of(EnrolledMachine machine, string kind, Func<VerifiedEvidence> trusted)
    {
        if (Identity is not { } identity) return new Verdict.Rejected(Reasons);
        if (machine.Kind != kind) return new Verdict.Rejected([$"kind: this is no {kind} machine"]);
        return machine.Id == identity.MachineId() && machine.AttestationKey.Span.SequenceEqual(identity.ToBytes()) ? new Verdict.Trusted(trusted())
            : new Verdict.Rejected(["identity: the evidence is of another machine than the enrolled one: another processor, or another set of devices"]);
    }

    /// <summary>What was found, and what has to hold for it to pass. Devices and certificates word part of it: nothing in it is invisible to who reads it.</summary>
    private static string InWords(Check failed)
    {
        var said = failed.Detail is { } found ? $"{failed.Id}: {found}; required: {failed.What}" : $"{failed.Id}: required, and not found: {failed.What}";
        return string.Concat(said.Select(character => char.IsControl(character) ? '?' : character));
    }

    /// <summary>Whoever sends evidence has this logged each time; a machine with many devices can miss hundreds, and evidence verify names them all.</summary>
    private static string Few(IReadOnlyList<string> missing) => string.Join("; ", missing.Take(MaxTold)) + (missing.Count > MaxTold ? $"; and {missing.Count - MaxTold} more" : "");

    private static TeeEnrolment Rejected(IReadOnlyList<string> reasons) => new(null, new Dictionary<string, string>(), reasons);
}
