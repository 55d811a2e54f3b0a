using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Facts;

/// <summary>
/// What broker and enclave agree on before the machine is asked for evidence. The evidence signs its digest, the ledger keeps it, the enclave finds it
/// again in the leaf: all three speak of the same exchange (spec/release-protocol.md, Transcript).
/// </summary>
/// <param name="Ledger">Origin of the broker's ledger.</param>
/// <param name="Nonce">32 random bytes from the broker, used once.</param>
/// <param name="Issued">When the broker made the nonce: evidence that signs it cannot be older.</param>
/// <param name="Request">Id of the request.</param>
/// <param name="HpkeKey">The enclave's key, made for this start.</param>
/// <param name="BrokerKey">SHA-256 of the SubjectPublicKeyInfo of the broker's certificate.</param>
/// <param name="Memory">The kind of protected memory in which the enclave holds key and weights: <c>secret</c>, <c>locked</c>.</param>
/// <param name="Configuration">Digest of the enclave's <see cref="Facts.Configuration"/>.</param>
/// <param name="Files">The files whose keys are asked for; absent is the whole model.</param>
public sealed record Transcript(
    string Ledger, ReadOnlyMemory<byte> Nonce, DateTimeOffset Issued, string Request, Digest ModelDigest, string Machine, HpkePublicKey HpkeKey,
    Digest BrokerKey, string Memory, Digest Configuration, IReadOnlyList<string>? Files = null)
{
    public const int NonceSizeInBytes = 32;

    /// <summary>SHA-256 of <c>strongroom/transcript/v1</c>, a line feed and the canonical JSON.</summary>
    public Digest Digest() => Bytes.Digest.Of([.. "strongroom/transcript/v1\n"u8, .. CanonicalJson.Serialize(this, FactsJson.Default.Transcript)]);
}

/// <summary>As <see cref="Transcript"/>, for the renewal of a lease.</summary>
public sealed record RenewalTranscript(
    string Ledger, ReadOnlyMemory<byte> Nonce, DateTimeOffset Issued, string Lease, string Machine, HpkePublicKey HpkeKey, Digest BrokerKey,
    Digest Configuration)
{
    /// <summary>SHA-256 of <c>strongroom/renewal/v1</c>, a line feed and the canonical JSON.</summary>
    public Digest Digest() =>
        Bytes.Digest.Of([.. "strongroom/renewal/v1\n"u8, .. CanonicalJson.Serialize(this, FactsJson.Default.RenewalTranscript)]);
}
