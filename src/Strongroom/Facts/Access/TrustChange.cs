using System.Text.Json.Serialization;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Facts;

/// <summary>A change of what defines trust: who may do what, which policy, which roots. One administrator proposes it, another approves it.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type", UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization)]
[JsonDerivedType(typeof(EnrolPerson), "person/enrol")]
[JsonDerivedType(typeof(SetGroups), "person/groups")]
[JsonDerivedType(typeof(RemovePerson), "person/leave")]
[JsonDerivedType(typeof(SetPolicy), "policy/set")]
[JsonDerivedType(typeof(AddRoot), "root/add")]
[JsonDerivedType(typeof(RemoveRoot), "root/remove")]
[JsonDerivedType(typeof(AddPublisher), "publisher/add")]
[JsonDerivedType(typeof(RemovePublisher), "publisher/remove")]
[JsonDerivedType(typeof(AddCollector), "collector/add")]
[JsonDerivedType(typeof(RemoveCollector), "collector/remove")]
[JsonDerivedType(typeof(SetReference), "reference/set")]
[JsonDerivedType(typeof(RemoveReference), "reference/remove")]
public abstract record TrustChange;

/// <param name="Groups">What the person may do: <see cref="Groups"/> and any group that a policy counts approvals of.</param>
public sealed record EnrolPerson(string Person, Ed25519PublicKey Key, IReadOnlyList<string> Groups) : TrustChange;

/// <summary>Replaces a person's groups.</summary>
public sealed record SetGroups(string Person, IReadOnlyList<string> Groups) : TrustChange;

/// <summary>Ends a person's part in everything. Neither the id nor the key can be enrolled again.</summary>
public sealed record RemovePerson(string Person) : TrustChange;

/// <param name="Policy">Canonical JSON of a release policy (spec/policy.md).</param>
public sealed record SetPolicy(CanonicalDocument Policy) : TrustChange;

/// <param name="Kind">What it is a root of: <c>tpm-ek</c>, manufacturers' endorsement keys.</param>
/// <param name="Certificate">X.509, DER.</param>
public sealed record AddRoot(string Kind, ReadOnlyMemory<byte> Certificate) : TrustChange;

/// <param name="Certificate">SHA-256 of the certificate's DER.</param>
public sealed record RemoveRoot(string Kind, Digest Certificate) : TrustChange;

/// <param name="Name">The publisher's name, as manifests say it.</param>
public sealed record AddPublisher(string Name, Ed25519PublicKey Key) : TrustChange;

public sealed record RemovePublisher(string Name) : TrustChange;

/// <param name="Name">Of who gets vendors' collateral and vouches for the day: a bundle is as young as its collector says.</param>
public sealed record AddCollector(string Name, Ed25519PublicKey Key) : TrustChange;

/// <summary>What this collector collected counts no longer, at once.</summary>
public sealed record RemoveCollector(string Name) : TrustChange;

/// <summary>Records or replaces a set of reference values.</summary>
/// <param name="Kind">The kind of evidence whose claims they are.</param>
/// <param name="Values">Claim name to what it must be (<see cref="Policy.ExpectedValue"/>).</param>
/// <param name="Version">Higher than that of every set before it under this name: an old set does not come back unnoticed.</param>
/// <param name="Corim">Where the values are from, or some of them; absent where they are the proposer's own.</param>
public sealed record SetReference(string Name, string Kind, IReadOnlyDictionary<string, string> Values, long Version, CorimSource? Corim = null) : TrustChange;

/// <summary>A signed CoRIM, a blob beside the proposal: it vouches for each claim that it speaks of, and the set expects of that claim what it says (<see cref="Enclosures"/>).</summary>
/// <param name="File">SHA-256 of its bytes.</param>
/// <param name="Signer">The key that signed it, DER SubjectPublicKeyInfo: two people say that its word counts.</param>
/// <param name="Tags">Each of its tags, by id: never of a version below one that was taken before from this signer, nor with other content under the same.</param>
public sealed record CorimSource(Digest File, ReadOnlyMemory<byte> Signer, IReadOnlyDictionary<string, CorimTagVersion> Tags);

/// <param name="Digest">SHA-256 of the tag's bytes.</param>
public sealed record CorimTagVersion(long Version, Digest Digest);

public sealed record RemoveReference(string Name) : TrustChange;
