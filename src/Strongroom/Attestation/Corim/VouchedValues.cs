using Strongroom.Bytes;

namespace Strongroom.Attestation.Corim;

/// <summary>
/// Reference values (RFC 9334 section 2) out of a CoRIM whose signature, signer and validity were verified; only <see cref="SignedCorim.Verify"/> makes them.
/// A policy compares what evidence claims with these; nothing is compared by having them.
/// </summary>
public sealed class VouchedValues
{
    internal VouchedValues(string id, string? profile, DateTimeOffset notAfter, IReadOnlyList<CorimTag> tags, IReadOnlyList<ReferenceValue> all)
    {
        (Id, Profile, NotAfter, Tags, All) = (id, profile, notAfter, tags, all);
    }

    /// <summary>Of the CoRIM: its text, or its UUID in hexadecimal.</summary>
    public string Id { get; }

    /// <summary>URI or object identifier of the profile; null where there is none.</summary>
    public string? Profile { get; }

    /// <summary>Until when the signer vouches for them.</summary>
    public DateTimeOffset NotAfter { get; }

    /// <summary>Every CoMID, each once; those that hold no reference values too.</summary>
    public IReadOnlyList<CorimTag> Tags { get; }

    /// <summary>In the order in which they stand.</summary>
    public IReadOnlyList<ReferenceValue> All { get; }

    /// <summary>The values whose digest by this algorithm is exactly the given one. An empty answer says that nobody vouches for it.</summary>
    /// <param name="algorithm"><c>sha-256</c>, <c>sha-384</c> or <c>sha-512</c>.</param>
    /// <param name="digest">Of that algorithm's length.</param>
    public IEnumerable<ReferenceValue> Vouching(string algorithm, ReadOnlyMemory<byte> digest) =>
        All.Where(value => value.Unread.Count == 0 && value.Digests.Any(each => each.Algorithm == algorithm && each.Value.Span.SequenceEqual(digest.Span)));
}

/// <summary>A CoMID by its id.</summary>
/// <param name="Version">A higher one replaces a lower.</param>
/// <param name="Digest">SHA-256 of its bytes: one version has one content.</param>
public sealed record CorimTag(string Id, ulong Version, Digest Digest);

/// <summary>One measurement of one environment (draft-ietf-rats-corim, reference-triple-record). What is null is not said.</summary>
/// <param name="TagId">Of the CoMID that says it.</param>
/// <param name="TagVersion">Of that CoMID; a higher one replaces a lower.</param>
/// <param name="Environment">What is measured.</param>
/// <param name="Key">Which measurement of the environment: a UUID or object identifier in hexadecimal, a number, a text.</param>
/// <param name="Version">Of the software, as its maker writes it.</param>
/// <param name="Svn">Its security version.</param>
/// <param name="IsMinimumSvn">Whether a higher <paramref name="Svn"/> is as good.</param>
/// <param name="Digests">Alternatives by algorithm.</param>
/// <param name="Raw">The value itself.</param>
/// <param name="Mask">Which bits of <paramref name="Raw"/> count: as long as it.</param>
/// <param name="Registers">Digests of registers, by their number or name.</param>
/// <param name="Unread">Members that narrow the value and are not read here: whoever compares must refuse, not pass over them.</param>
public sealed record ReferenceValue(
    string TagId,
    ulong TagVersion,
    ReferenceEnvironment Environment,
    string? Key,
    string? Version,
    ulong? Svn,
    bool IsMinimumSvn,
    IReadOnlyList<ReferenceDigest> Digests,
    ReadOnlyMemory<byte>? Raw,
    ReadOnlyMemory<byte>? Mask,
    IReadOnlyList<(string Register, IReadOnlyList<ReferenceDigest> Digests)> Registers,
    IReadOnlyList<string> Unread);

/// <summary>What is measured (environment-map). Identifiers are hexadecimal, with the number of their CBOR tag before a colon where they have one.</summary>
public sealed record ReferenceEnvironment(string? ClassId, string? Vendor, string? Model, ulong? Layer, ulong? Index, string? Instance, string? Group);

/// <summary>A digest whose algorithm is known and whose length is that algorithm's.</summary>
/// <param name="Algorithm"><c>sha-256</c>, <c>sha-384</c> or <c>sha-512</c>.</param>
/// <param name="Value">32, 48 or 64 bytes.</param>
public sealed record ReferenceDigest(string Algorithm, ReadOnlyMemory<byte> Value)
{
    /// <param name="algorithm">Number in IANA's registry of named information hashes, or its name there; null and every other are unknown.</param>
    /// <param name="value">The digest.</param>
    /// <returns>Null when the algorithm is unknown or the length is another.</returns>
    internal static ReferenceDigest? From(string algorithm, ReadOnlyMemory<byte> value) => (algorithm, value.Length) switch
    {
        ("1" or "sha-256", 32) => new("sha-256", value),
        ("7" or "sha-384", 48) => new("sha-384", value),
        ("8" or "sha-512", 64) => new("sha-512", value),
        _ => null,
    };
}
