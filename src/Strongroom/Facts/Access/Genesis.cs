using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Ledger;

namespace Strongroom.Facts;

/// <summary>
/// The first record of every ledger: who it is and who rules it. Two people from the first record on, so that there never was a time when one
/// person alone could define trust.
/// </summary>
/// <param name="Signatures">Of every administrator, in the order in which <paramref name="Founding"/> lists them: each holds the key that is recorded.</param>
public sealed record Genesis(DateTimeOffset At, Founding Founding, IReadOnlyList<ReadOnlyMemory<byte>> Signatures) : LedgerRecord(At);

/// <param name="Ledger">The ledger's origin (C2SP tlog-checkpoint).</param>
/// <param name="LedgerKey">The ledger's verifier key (C2SP signed-note).</param>
/// <param name="Witnesses">The witnesses' verifier keys, at least one.</param>
/// <param name="BrokerKey">SHA-256 of the SubjectPublicKeyInfo of the broker's certificate.</param>
/// <param name="Administrators">At least two people with different keys.</param>
/// <param name="DangerDevelopmentEvidence">Present, and true, where software may stand in for a TPM: such a ledger is marked from its first record on.</param>
public sealed record Founding(
    string Ledger,
    string LedgerKey,
    IReadOnlyList<string> Witnesses,
    Digest BrokerKey,
    IReadOnlyList<Founder> Administrators,
    bool? DangerDevelopmentEvidence = null)
{
    /// <summary>What readers of this ledger pin.</summary>
    /// <exception cref="MalformedException">A key that is none, no witness, or one key standing for two signers.</exception>
    public LedgerTrust Trust() => new(Ledger, VerifierKey.Parse(LedgerKey), [.. Witnesses.Select(VerifierKey.Parse)]);

    /// <exception cref="MalformedException">Not the canonical JSON of a founding. Whether it may found a ledger: <see cref="GenesisRules"/>.</exception>
    public static Founding Parse(ReadOnlySpan<byte> canonicalJson) => CanonicalJson.Parse(canonicalJson, FactsJson.Default.Founding, LedgerRecord.MaxBytes);

    public byte[] ToBytes() => CanonicalJson.Serialize(this, FactsJson.Default.Founding);

    /// <summary>What each administrator signs: <c>strongroom/genesis/v1</c>, a line feed and the canonical JSON.</summary>
    public byte[] ToBeSigned() => [.. "strongroom/genesis/v1\n"u8, .. ToBytes()];
}

public sealed record Founder(string Person, Ed25519PublicKey Key);
