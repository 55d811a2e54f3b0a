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
/// <remarks>Witnesses and publishers are sets: their order says nothing, and the digest does not depend on it.</remarks>
public sealed record Configuration(
    string Ledger, string LedgerKey, IReadOnlyList<string> Witnesses, Digest BrokerKey, IReadOnlyList<Ed25519PublicKey> Publishers)
{
    /// <summary>What the enclave checks grants against.</summary>
    /// <exception cref="MalformedException">A key that is none, no witness, or one key standing for two signers.</exception>
    public LedgerTrust Trust() => new(Ledger, VerifierKey.Parse(LedgerKey), [.. Witnesses.Select(VerifierKey.Parse)]);

    /// <summary>SHA-256 of <c>strongroom/configuration/v1</c>, a line feed and the canonical JSON with both sets in ascending order, each member once.</summary>
    public Digest Digest() =>
        Bytes.Digest.Of([.. "strongroom/configuration/v1\n"u8, .. CanonicalJson.Serialize(InOrder(), FactsJson.Default.Configuration)]);

    /// <summary>
    /// Why an enclave that declares this configuration does not get the model's key. Evidence proves only that a digest is the enclave's own; which pins are good
    /// follows from the ledger, with one choice: the publisher of the model, or every publisher on record.
    /// </summary>
    internal static IEnumerable<string> Refusals(LedgerState state, string model, long version, Digest declared)
    {
        if (state.Founding is not { } founding) yield break; // then nothing can be asked for
        var publisher = state.Models.Find(model, version)?.PublisherKey;
        if (publisher is not null && Of(founding, [publisher]).Digest() == declared) yield break;
        if (Of(founding, [.. state.Access.Publishers.Values]).Digest() == declared) yield break;
        yield return $"the enclave runs with other pins than this ledger's: it must pin the broker key {founding.BrokerKey}, the ledger key {founding.LedgerKey}, "
            + $"the publisher key {publisher} (or the keys of all recorded publishers) and the witness keys {string.Join(" ", founding.Witnesses)}, no more and no fewer";
    }

    private static Configuration Of(Founding founding, IReadOnlyList<Ed25519PublicKey> publishers) =>
        new(founding.Ledger, founding.LedgerKey, founding.Witnesses, founding.BrokerKey, publishers);

    private Configuration InOrder() => this with
    {
        Witnesses = [.. Witnesses.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)],
        Publishers = [.. Publishers.Distinct().OrderBy(key => key.ToString(), StringComparer.Ordinal)],
    };
}
