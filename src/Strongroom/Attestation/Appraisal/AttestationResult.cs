using System.Text.Json.Nodes;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Appraisal;

/// <summary>What the appraisal of a piece of evidence came to.</summary>
public enum Outcome
{
    /// <summary>Every check that was not left out by name passed.</summary>
    Verified,

    /// <summary>At least one check failed.</summary>
    Rejected,

    /// <summary>No check failed, but some could not be made: endorsements are missing or stale.</summary>
    EndorsementsMissing,
}

/// <summary>A group of checks that a caller can leave out by its dangerous name, and only so.</summary>
public enum CheckGroup
{
    /// <summary>Cannot be left out.</summary>
    Always,

    /// <summary>Whether a certificate was taken back: CRLs and OCSP.</summary>
    Revocation,

    /// <summary>Whether the platform's firmware is current enough.</summary>
    Tcb,

    /// <summary>How old evidence and endorsements are.</summary>
    Freshness,

    /// <summary>Whether the evidence answers the caller's own challenge.</summary>
    Binding,
}

public enum CheckResult
{
    Passed,
    Failed,

    /// <summary>The policy does not ask for it, or the caller left its group out.</summary>
    SkippedByPolicy,
}

/// <summary>One numbered step of a verifier (spec/evidence-verdict.md lists them by kind).</summary>
/// <param name="Id">Stable: <c>snp.7</c> and so on; tests and scripts go by it.</param>
/// <param name="What">What holds when it passes, as a sentence.</param>
/// <param name="Result">What was found.</param>
/// <param name="Detail">Expected and found, in words; null where there is nothing to add.</param>
public sealed record Check(string Id, string What, CheckResult Result, string? Detail);

/// <summary>An endorsement that an appraisal relied on.</summary>
/// <param name="What">Which: a certificate's subject, the list of revoked certificates of an issuer, TCB info of a platform.</param>
/// <param name="Issued">When its issuer says that it was made.</param>
/// <param name="Expires">Until when it may be used.</param>
public sealed record UsedEndorsement(string What, DateTimeOffset Issued, DateTimeOffset Expires);

/// <summary>
/// An attestation result (RFC 9334 section 8.4): the verdict with everything that it rests on. Made by <see cref="Appraiser"/> only. It says that evidence is
/// genuine and what it claims; whether these claims are the wanted ones is the caller's to decide, as far as no policy did.
/// </summary>
public sealed class AttestationResult
{
    internal AttestationResult()
    {
    }

    /// <summary>Kind of the evidence, as <see cref="Appraiser.Kinds"/> names it.</summary>
    public required string Kind { get; init; }

    public required Outcome Outcome { get; init; }

    /// <summary>Every check that was made, in the order of the specification. A check that could not be made for want of an endorsement stands in <see cref="Missing"/>.</summary>
    public required IReadOnlyList<Check> Checks { get; init; }

    /// <summary>What the evidence says, decoded: numbers, booleans and lower-case hexadecimal strings. Rejected evidence may claim anything.</summary>
    public required JsonObject Claims { get; init; }

    public required IReadOnlyList<UsedEndorsement> Endorsements { get; init; }

    /// <summary>What the caller must still decide.</summary>
    public required IReadOnlyList<string> NotChecked { get; init; }

    /// <summary>The groups of checks that the caller left out by name; <see cref="NotChecked"/> says it in words.</summary>
    public required IReadOnlyList<CheckGroup> LeftOut { get; init; }

    /// <summary>Endorsements that are needed, with where to get them.</summary>
    public required IReadOnlyList<string> Missing { get; init; }

    /// <summary>The time that every validity was checked at.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The checks that failed.</summary>
    public IEnumerable<Check> Failures => Checks.Where(check => check.Result == CheckResult.Failed);

    /// <summary>The JSON of spec/evidence-verdict.md.</summary>
    public JsonObject ToJson() => new()
    {
        ["kind"] = Kind,
        ["verdict"] = Outcome switch { Outcome.Verified => "verified", Outcome.Rejected => "rejected", _ => "endorsements-missing" },
        ["at"] = Timestamp.Format(At),
        ["checks"] = new JsonArray([.. Checks.Select(check => new JsonObject
        {
            ["id"] = check.Id,
            ["what"] = check.What,
            ["result"] = check.Result switch { CheckResult.Passed => "passed", CheckResult.Failed => "failed", _ => "skipped-by-policy" },
            ["detail"] = check.Detail,
        })]),
        ["claims"] = Claims.DeepClone(),
        ["endorsements"] = new JsonArray([.. Endorsements.Select(used => new JsonObject
        {
            ["what"] = used.What,
            ["issued"] = Timestamp.Format(used.Issued),
            ["expires"] = Timestamp.Format(used.Expires),
            ["age_seconds"] = (long)(At - used.Issued).TotalSeconds,
        })]),
        ["missing"] = Words(Missing),
        ["not_checked"] = Words(NotChecked),
    };

    private static JsonArray Words(IEnumerable<string> words) => new([.. words.Select(word => JsonValue.Create(word))]);
}
