using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Ear;

/// <summary>Attestation results for others (RFC 9334 section 8.4): EAR (draft-ietf-rats-ear) as a signed JWT, as spec/ear.md says.</summary>
public static class EarToken
{
    /// <summary>The <c>eat_profile</c> of tokens that are issued here; spec/ear.md is its document.</summary>
    public const string Profile = "tag:github.com,2026:strongroom/ear/v1";

    /// <summary>The private claim with the whole result, as spec/evidence-verdict.md writes it.</summary>
    public const string ResultClaim = "strongroom.result";

    internal const int MinNonceSizeInBytes = 8; // RFC 9711 section 4.1
    internal const int MaxNonceSizeInBytes = 64;

    /// <param name="result">Verified or not: a token says what came out.</param>
    /// <param name="claims">Whole seconds of its times count.</param>
    /// <param name="key">Of P-256 (ES256) or P-384 (ES384).</param>
    /// <exception cref="ArgumentException">Another curve, a nonce of another length, a token that has expired when it is issued.</exception>
    public static string Issue(AttestationResult result, EarClaims claims, ECDsa key)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(claims);
        ArgumentNullException.ThrowIfNull(key);
        if (claims.Nonce is { Length: < MinNonceSizeInBytes or > MaxNonceSizeInBytes }) throw new ArgumentException("an eat_nonce has 8 to 64 bytes", nameof(claims));
        if (claims.Expires <= claims.IssuedAt) throw new ArgumentException("a token expires after it was issued", nameof(claims));
        var token = new JsonObject
        {
            ["eat_profile"] = Profile,
            ["iss"] = claims.Issuer,
            ["iat"] = claims.IssuedAt.ToUnixTimeSeconds(),
            ["exp"] = claims.Expires.ToUnixTimeSeconds(),
            ["ear.verifier-id"] = new JsonObject { ["developer"] = claims.Developer, ["build"] = claims.Build },
            ["submods"] = new JsonObject { [result.Kind] = Submodule(result, claims.Policy.Span) },
        };
        if (claims.Audience is not null) token["aud"] = claims.Audience;
        if (claims.Nonce is { } nonce) token["eat_nonce"] = Base64Url.EncodeToString(nonce.Span);
        var header = new JsonObject { ["typ"] = "JWT", ["kid"] = (string)Jwk.Of(key)["kid"]! };
        return Jws.Sign(header, Encoding.UTF8.GetBytes(token.ToJsonString()), key);
    }

    /// <summary>The key set that relying parties pin: the public half alone.</summary>
    /// <exception cref="ArgumentException">Not of P-256 or P-384.</exception>
    public static JsonObject KeySet(ECDsa key) => new() { ["keys"] = new JsonArray(Jwk.Of(key)) };

    /// <summary>The <c>ear.appraisal-policy-id</c> of a policy: SHA-256 of its bytes, in hexadecimal.</summary>
    public static string PolicyId(ReadOnlySpan<byte> policy) => Digest.Of(policy).ToString();

    /// <summary>Every check of spec/ear.md, as an attestation result of the kind <c>ear</c>: only its outcome says whether the claims count.</summary>
    /// <param name="token">The JWT, nothing around it.</param>
    /// <param name="expected">Whose tokens count, and what they must say.</param>
    /// <param name="at">The time for every check of validity.</param>
    /// <exception cref="MalformedException">No such token, or the key set is none.</exception>
    public static AttestationResult Verify(ReadOnlySpan<byte> token, EarExpectations expected, DateTimeOffset at)
    {
        ArgumentNullException.ThrowIfNull(expected);
        var jws = Jws.Parse(token);
        var claims = StrictJson.Object(jws.Payload.Span, "the payload");
        var findings = new Findings("ear", at, new HashSet<CheckGroup>()) { Claims = JsonObject.Create(claims)! };
        EarSigner.Check(jws, expected, at, findings);
        EarChecks.Check(claims, expected, at, findings);
        return findings.Result();
    }

    private static JsonObject Submodule(AttestationResult result, ReadOnlySpan<byte> policy)
    {
        var vector = TrustMap.Of(result);
        // A vector whose claims all affirm says nothing of those that nobody looked at: the status does, and never more than the verdict.
        var isWhole = result.Outcome == Outcome.Verified && TrustMap.Needed.All(claim => vector[claim] != 0);
        var status = vector.Tier == TrustTier.Affirming && !isWhole ? TrustTier.None : vector.Tier;
        return new()
        {
            ["ear.status"] = EarChecks.Name(status),
            ["ear.trustworthiness-vector"] = vector.ToJson(),
            ["ear.appraisal-policy-id"] = PolicyId(policy),
            [ResultClaim] = result.ToJson(),
        };
    }
}
