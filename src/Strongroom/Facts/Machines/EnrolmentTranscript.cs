using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>What a machine with a TEE answers when it introduces itself: made by the broker, covered by the evidence, inside the operator's signature, so that an auditor judges the evidence again.</summary>
/// <param name="Ledger">Origin of the broker's ledger.</param>
/// <param name="Nonce">32 random bytes from the broker.</param>
/// <param name="Issued">When the broker made the nonce: the evidence cannot be older, and is judged by that time.</param>
/// <param name="Kind">The kind of evidence that is asked for.</param>
/// <param name="BrokerKey">SHA-256 of the SubjectPublicKeyInfo of the broker's certificate.</param>
public sealed record EnrolmentTranscript(string Ledger, ReadOnlyMemory<byte> Nonce, DateTimeOffset Issued, string Kind, Digest BrokerKey)
{
    /// <summary>How long the broker waits for the answer: a file of evidence may have to be carried.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    /// <summary>SHA-256 of <c>strongroom/enrolment/v1</c>, a line feed and the canonical JSON.</summary>
    public Digest Digest() => Bytes.Digest.Of([.. "strongroom/enrolment/v1\n"u8, .. CanonicalJson.Serialize(this, FactsJson.Default.EnrolmentTranscript)]);
}
