using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Ledger;

namespace Strongroom.Protocol;

/// <summary>
/// A grant that an enclave has checked (spec/release-protocol.md, Checks of the enclave): the proof that the decision stands in the witnessed ledger
/// comes first, and only a value of this type opens the keys. No proof, no key.
/// </summary>
public sealed class GrantedRelease
{
    private readonly ReadOnlyMemory<byte> sealedKeys;

    private GrantedRelease(LedgerReceipt receipt, ReleaseDecided decided, GrantedLease lease, Transcript transcript, ReadOnlyMemory<byte> sealedKeys) =>
        (Receipt, Decided, Lease, Transcript, this.sealedKeys) = (receipt, decided, lease, transcript, sealedKeys);

    public LedgerReceipt Receipt { get; }

    public ReleaseDecided Decided { get; }

    public GrantedLease Lease { get; }

    /// <summary>Which of the enclave's own transcripts the decision answers; the lease's seconds count from before its challenge was asked for.</summary>
    public Transcript Transcript { get; }

    /// <param name="reply">What came.</param>
    /// <param name="asked">Every transcript that this enclave has sent evidence for.</param>
    /// <param name="trust">The pinned ledger and witnesses.</param>
    /// <param name="allowed">Whether this enclave was started to accept evidence that proves nothing.</param>
    /// <exception cref="MalformedException">Entry or proof are none.</exception>
    /// <exception cref="RefusedException">A check failed; nothing was decrypted.</exception>
    public static GrantedRelease Check(GrantReply reply, IReadOnlyCollection<Transcript> asked, LedgerTrust trust, Attestation.DangerousEvidence allowed)
    {
        ArgumentNullException.ThrowIfNull(reply);
        ArgumentNullException.ThrowIfNull(asked);
        var receipt = LedgerReceipt.Check(reply.Entry, reply.Proof, trust);
        if (LedgerRecord.Parse(receipt.Entry.Span) is not ReleaseDecided { Outcome: Outcome.Allowed, Grant: { } lease } decided)
            throw new RefusedException($"entry {receipt.Index} of the ledger is no decision to release");
        var digest = decided.Transcript.Digest();
        if (asked.FirstOrDefault(transcript => transcript.Digest() == digest) is not { } mine)
            throw new RefusedException($"entry {receipt.Index} of the ledger answers another enclave or another challenge");
        if (decided.Transcript.Ledger != trust.Origin) throw new RefusedException("the decision is of another ledger than the one that proves it");
        if (lease.Lease != Ids.Lease(digest)) throw new RefusedException("the decision names another lease than its transcript does");
        if (lease.Seconds < 1) throw new RefusedException("the lease is over before it begins");
        if (decided.Development == true && allowed != Attestation.DangerousEvidence.Development)
            throw new RefusedException("the release rests on development evidence, which this enclave was not started to accept");
        return new(receipt, decided, lease, mine, reply.SealedKeys);
    }

    /// <summary>The files' keys, 32 bytes each, in the manifest's order of the files that the transcript names.</summary>
    /// <exception cref="AuthenticationTagMismatchException">Sealed to another key, or for another decision.</exception>
    public Secret OpenKeys(HpkePrivateKey key) => Hpke.Open(key, ReleaseDecided.HpkeInfo(Receipt.LeafHash), [], sealedKeys.Span);
}

/// <summary>A renewal that an enclave has checked, as strictly as the grant before it.</summary>
public sealed class GrantedRenewal
{
    private GrantedRenewal(LedgerReceipt receipt, RenewalDecided decided, long seconds) => (Receipt, Decided, Seconds) = (receipt, decided, seconds);

    public LedgerReceipt Receipt { get; }

    public RenewalDecided Decided { get; }

    /// <summary>The lease's new length, counted from before the challenge was asked for.</summary>
    public long Seconds { get; }

    /// <exception cref="MalformedException">Entry or proof are none.</exception>
    /// <exception cref="RefusedException">A check failed: the lease stays as long as it was.</exception>
    public static GrantedRenewal Check(RenewalReply reply, RenewalTranscript asked, LedgerTrust trust)
    {
        ArgumentNullException.ThrowIfNull(reply);
        ArgumentNullException.ThrowIfNull(asked);
        var receipt = LedgerReceipt.Check(reply.Entry, reply.Proof, trust);
        if (LedgerRecord.Parse(receipt.Entry.Span) is not RenewalDecided { Outcome: Outcome.Allowed, Seconds: > 0 and var seconds } decided)
            throw new RefusedException($"entry {receipt.Index} of the ledger is no decision to renew");
        if (decided.Transcript.Digest() != asked.Digest())
            throw new RefusedException($"entry {receipt.Index} of the ledger renews another lease or answers another challenge");
        return new(receipt, decided, seconds);
    }
}
