using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Ear;

/// <summary>Whose tokens count, and what they must say. A token is believed only under a pinned key or a certificate below a root that is named here.</summary>
/// <param name="Issuer">Exactly its <c>iss</c>. Null where this verifier's tokens name none, as Trustee's do not: then one that names any is another's.</param>
/// <param name="Audience">The caller's own name, which must be among its <c>aud</c>. Null where this verifier's tokens name none; then one got for somebody else looks the same.</param>
public sealed record EarExpectations(string? Issuer, string? Audience)
{
    /// <summary>Pinned keys as a JWK set; empty for none.</summary>
    public ReadOnlyMemory<byte> Keys { get; init; }

    /// <summary>Roots under which a token may bring its key; empty for none.</summary>
    public IReadOnlyList<X509Certificate2> Roots { get; init; } = [];

    /// <summary>Exactly its <c>eat_profile</c>.</summary>
    public string Profile { get; init; } = EarToken.Profile;

    /// <summary>The caller's challenge; null where it gave none.</summary>
    public ReadOnlyMemory<byte>? Nonce { get; init; }

    /// <summary>Exactly its <c>ear.appraisal-policy-id</c>; null where any policy will do.</summary>
    public string? PolicyId { get; init; }

    /// <summary>Submodules that must be there. Others may be, and must affirm too.</summary>
    public IReadOnlyList<string> Submodules { get; init; } = [];

    /// <summary>Claims that each submodule must affirm; of the others those that were looked at.</summary>
    public IReadOnlyList<string> NeededClaims { get; init; } = TrustMap.Needed;

    /// <summary>How far the verifier's clock may be off.</summary>
    public TimeSpan ClockSkew { get; init; } = TimeSpan.FromSeconds(60);
}
