using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Facts;

/// <summary>
/// What a guest and the broker spoke about by RCAR (spec/kbs.md). The guest's evidence covers nonce and key and nothing else of it: which resource it wants it says
/// afterwards, so the rest is the broker's word, compared again in the decision.
/// </summary>
/// <param name="Ledger">Origin of the broker's ledger.</param>
/// <param name="Nonce">32 random bytes from the broker, used once.</param>
/// <param name="Issued">When the broker made the nonce: evidence that signs it cannot be older.</param>
/// <param name="Tee"><c>snp</c> or <c>tdx</c>, as the guest said before it got the nonce.</param>
/// <param name="TeeKey">The guest's key: the only reader of the answer.</param>
/// <param name="Machine">Which enrolled machine the evidence is of.</param>
/// <param name="BrokerKey">SHA-256 of the SubjectPublicKeyInfo of the broker's certificate.</param>
/// <param name="Files">The files whose keys are asked for; absent is the whole model.</param>
public sealed record GuestTranscript(
    string Ledger, ReadOnlyMemory<byte> Nonce, DateTimeOffset Issued, string Tee, JweKey TeeKey, string Machine, string Request, Digest ModelDigest, Digest BrokerKey,
    IReadOnlyList<string>? Files = null)
{
    /// <summary>SHA-256 of <c>strongroom/guest/v1</c>, a line feed and the canonical JSON.</summary>
    public Digest Digest() => Bytes.Digest.Of([.. "strongroom/guest/v1\n"u8, .. CanonicalJson.Serialize(this, FactsJson.Default.GuestTranscript)]);
}
