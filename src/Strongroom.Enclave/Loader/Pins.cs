using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Ledger;

namespace Strongroom.Enclave.Loader;

/// <summary>Whom the enclave trusts. Their digest is measured with the enclave, so that another choice is another enclave.</summary>
public sealed class Pins
{
    /// <exception cref="MalformedException">No witness, no publisher, or a key of the wrong kind.</exception>
    public Pins(Digest brokerKey, VerifierKey ledger, IReadOnlyList<VerifierKey> witnesses, IReadOnlyList<Ed25519PublicKey> publishers)
    {
        if (publishers.Count == 0) throw new MalformedException(-1, "an enclave that trusts no publisher can open nothing: pin at least one");
        Ledger = new(ledger.Name, ledger, witnesses);
        (BrokerKey, Publishers) = (brokerKey, publishers);
        Digest = new Configuration(ledger.Name, ledger.ToString(), [.. witnesses.Select(key => key.ToString())], brokerKey, publishers).Digest();
    }

    /// <summary>SHA-256 of the SubjectPublicKeyInfo of the broker's certificate.</summary>
    public Digest BrokerKey { get; }

    public LedgerTrust Ledger { get; }

    public IReadOnlyList<Ed25519PublicKey> Publishers { get; }

    /// <summary>Of the <see cref="Configuration"/> with these pins.</summary>
    public Digest Digest { get; }
}
