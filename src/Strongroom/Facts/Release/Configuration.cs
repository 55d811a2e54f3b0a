using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Ledger;

namespace Strongroom.Facts;

/// <summary>
/// The pins that an enclave runs with. Their digest is measured with every start: an enclave that trusts another broker, ledger, witness or publisher
/// is another enclave.
/// </summary>
/// <param name="Ledger">Origin of the ledger.</param>
/// <param name="LedgerKey">Its verifier key (C2SP signed-note).</param>
/// <param name="Witnesses">The witnesses' verifier keys.</param>
/// <param name="BrokerKey">SHA-256 of the SubjectPublicKeyInfo of the broker's certificate.</param>
/// <param name="Publishers">The keys whose manifests the enclave accepts.</param>
public sealed record Configuration(
    string Ledger, string LedgerKey, IReadOnlyList<string> Witnesses, Digest BrokerKey, IReadOnlyList<Ed25519PublicKey> Publishers)
{
    /// <summary>What the enclave checks grants against.</summary>
    /// <exception cref="MalformedException">A key that is none, no witness, or one key standing for two signers.</exception>
    public LedgerTrust Trust() => new(Ledger, VerifierKey.Parse(LedgerKey), [.. Witnesses.Select(VerifierKey.Parse)]);

    /// <summary>SHA-256 of <c>strongroom/configuration/v1</c>, a line feed and the canonical JSON.</summary>
    public Digest Digest() =>
        Bytes.Digest.Of([.. "strongroom/configuration/v1\n"u8, .. CanonicalJson.Serialize(this, FactsJson.Default.Configuration)]);
}
