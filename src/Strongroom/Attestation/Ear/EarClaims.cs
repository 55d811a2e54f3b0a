namespace Strongroom.Attestation.Ear;

/// <summary>What a token says besides the result: who says it, to whom, for how long.</summary>
/// <param name="Issuer">Name of the verifier, <c>iss</c>.</param>
/// <param name="IssuedAt">Whole seconds count.</param>
/// <param name="Expires">Later than that.</param>
/// <param name="Policy">The bytes of the policy that was applied; empty for the strict built-in one. Their SHA-256 is the token's <c>ear.appraisal-policy-id</c>.</param>
public sealed record EarClaims(string Issuer, DateTimeOffset IssuedAt, DateTimeOffset Expires, ReadOnlyMemory<byte> Policy)
{
    /// <summary>For whom the token is, <c>aud</c>; null for anybody.</summary>
    public string? Audience { get; init; }

    /// <summary>The relying party's challenge, 8 to 64 bytes, <c>eat_nonce</c>; null where it gave none.</summary>
    public ReadOnlyMemory<byte>? Nonce { get; init; }

    /// <summary>Who built the verifier, and which build: <c>ear.verifier-id</c>.</summary>
    public string Developer { get; init; } = "strongroom";

    public string Build { get; init; } = typeof(EarClaims).Assembly.GetName().Version?.ToString(3) ?? "0";
}
