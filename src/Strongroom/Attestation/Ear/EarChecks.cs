using System.Security.Cryptography;
using System.Text.Json;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Ear;

/// <summary>Steps 5 to 12 of spec/ear.md: what a token says, and whether that is what the caller waits for.</summary>
internal static class EarChecks
{
    public static void Check(JsonElement claims, EarExpectations expected, DateTimeOffset at, Findings findings)
    {
        Same("ear.5", "the profile is the expected one", expected.Profile, StrictJson.Text(claims, "eat_profile"), findings);
        Same("ear.6", "the issuer is the configured verifier", expected.Issuer, StrictJson.Text(claims, "iss"), findings);
        if (expected.Issuer is null) findings.NotChecked("issuer: this verifier's tokens name none, so its key alone says whose a token is");
        Audience(claims, expected.Audience, findings);
        Times(claims, expected.ClockSkew, at, findings);
        Nonce(claims, expected.Nonce, findings);
        Submodules(claims, expected, findings);
    }

    public static string Name(TrustTier tier) => tier.ToString().ToLowerInvariant();

    private static void Audience(JsonElement claims, string? expected, Findings findings)
    {
        var found = StrictJson.Texts(claims, "aud");
        var isOurs = expected is null ? !claims.TryGetProperty("aud", out _) : found.Contains(expected);
        findings.Check("ear.7", "the token is for this caller", isOurs, $"expected {expected ?? "nobody in particular"}, found {(found.Count == 0 ? "nobody" : string.Join(", ", found))}");
        if (expected is null) findings.NotChecked("audience: this verifier's tokens name none, so one that somebody else got looks like one's own; only a nonce of one's own tells them apart");
    }

    /// <summary>The skew is for the future only: nothing lives longer because clocks differ.</summary>
    private static void Times(JsonElement claims, TimeSpan skew, DateTimeOffset at, Findings findings)
    {
        var (issued, from, until) = (StrictJson.Time(claims, "iat"), StrictJson.Time(claims, "nbf"), StrictJson.Time(claims, "exp"));
        findings.Check("ear.8.exp", "the token says when it expires, and has not", at < until, Words(until));
        findings.Check("ear.8.nbf", "the token may be used already", from is null || from <= at + skew, Words(from));
        findings.Check("ear.8.iat", "the token says when it was issued, and that is not in the future", issued <= at + skew, Words(issued));

        static string Words(DateTimeOffset? time) => time is { } found ? $"found {Timestamp.Format(found)}" : "absent";
    }

    private static void Nonce(JsonElement claims, ReadOnlyMemory<byte>? expected, Findings findings)
    {
        const string What = "the token answers the caller's challenge";
        var found = StrictJson.Texts(claims, "eat_nonce");
        if (expected is { } wanted)
        {
            var nonce = found is [var only] ? StrictJson.Base64(only, "eat_nonce") : [];
            findings.Same("ear.9", What, wanted.Span, nonce);
            return;
        }
        findings.Skip("ear.9", What, "the caller gave none");
        findings.NotChecked("freshness: without a nonce the token may be one that somebody else got before, until it expires");
    }

    private static void Submodules(JsonElement claims, EarExpectations expected, Findings findings)
    {
        List<JsonProperty> all = claims.TryGetProperty("submods", out var submods)
            ? submods.ValueKind == JsonValueKind.Object ? [.. submods.EnumerateObject()] : throw new MalformedException(-1, "submods is no object") : [];
        var absent = expected.Submodules.Except(all.Select(each => each.Name)).ToList();
        findings.Check("ear.10", "every expected submodule is there, and one at least", all.Count > 0 && absent.Count == 0, absent.Count > 0 ? $"absent: {string.Join(", ", absent)}" : null);
        foreach (var (name, submodule) in all.Select(each => (each.Name, each.Value))) Submodule(name, submodule, expected, findings);
        if (expected.PolicyId is null) findings.NotChecked("policy: which one the verifier applied, and so what it affirms (ear.appraisal-policy-id)");
        if (expected.Submodules.Count == 0) findings.NotChecked("submodules: whether all that should be there are there");
    }

    private static void Submodule(string name, JsonElement submodule, EarExpectations expected, Findings findings)
    {
        if (submodule.ValueKind != JsonValueKind.Object) throw new MalformedException(-1, $"submodule {name} is no object");
        var status = StatusOf(StrictJson.RequiredText(submodule, "ear.status"));
        var vector = submodule.TryGetProperty("ear.trustworthiness-vector", out var found) ? TrustVector.Parse(found) : new TrustVector(new Dictionary<string, int>());
        var silent = expected.NeededClaims.Where(claim => vector[claim] is 0 or 1 or -1).ToList();

        findings.Check($"ear.11.{name}", $"the status of {name} is no better than its claims", Trust(status) <= Trust(vector.Tier), $"status {Name(status)}, claims {Name(vector.Tier)}");
        findings.Check($"ear.12.{name}", $"{name} is affirmed", status == TrustTier.Affirming, $"status {Name(status)}"); // with step 11: by its word and by its numbers
        findings.Check($"ear.13.{name}", $"every claim of {name} that the caller needs was looked at", silent.Count == 0, silent.Count == 0 ? null : $"none: {string.Join(", ", silent)}");
        if (expected.PolicyId is { } policy) Same($"ear.14.{name}", $"{name} was appraised by the expected policy", policy, StrictJson.Text(submodule, "ear.appraisal-policy-id"), findings);
    }

    /// <summary>What nobody looked at is better than what was found wrong, and worse than what was found right.</summary>
    private static int Trust(TrustTier tier) => tier switch
    {
        TrustTier.Affirming => 3,
        TrustTier.None => 2,
        TrustTier.Warning => 1,
        _ => 0,
    };

    /// <summary>The words of draft-ietf-rats-ear; an unknown one is no status.</summary>
    private static TrustTier StatusOf(string status) => status switch
    {
        "none" => TrustTier.None,
        "affirming" => TrustTier.Affirming,
        "warning" => TrustTier.Warning,
        "contraindicated" => TrustTier.Contraindicated,
        _ => throw new MalformedException(-1, $"'{status}' is no status"),
    };

    private static void Same(string id, string what, string? expected, string? found, Findings findings) =>
        findings.Check(id, what, string.Equals(expected, found, StringComparison.Ordinal), $"expected {expected ?? "nothing"}, found {found ?? "nothing"}");
}
