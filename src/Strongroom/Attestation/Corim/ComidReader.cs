using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Corim;

/// <summary>Reads the reference triples of one CoMID (concise-mid-tag of draft-ietf-rats-corim).</summary>
internal sealed class ComidReader
{
    private const ulong LastTriple = 10;
    private const ulong LastValue = 15;
    private const ulong ExactSvn = 552;
    private const ulong MinimumSvn = 553;
    private const ulong TaggedBytes = 560;
    private const ulong MaskedRaw = 563;

    // Members of measurement-values-map that are read: version, svn, digests, raw value, its mask, integrity registers.
    private static readonly ulong[] Understood = [0, 1, 2, 4, 5, 14];

    private readonly CborItem comid;
    private readonly CorimDocument document;
    private readonly string id;
    private readonly ulong version;
    private readonly Digest digest;

    public ComidReader(ReadOnlyMemory<byte> bytes, CorimDocument document)
    {
        (comid, digest, this.document) = (CborItem.Parse(bytes, CborForm.AnyOrder), Digest.Of(bytes.Span), document);
        comid.Map("a CoMID");
        var identity = comid.Find(1) ?? throw new MalformedException(-1, "a CoMID has a tag-identity");
        identity.Map("tag-identity");
        id = CorimDocument.Identity(identity.Find(0) ?? throw new MalformedException(-1, "a tag-identity has an id"));
        version = identity.Find(1)?.U64("tag-version") ?? 0;
    }

    public void Read()
    {
        document.Add(new CorimTag(id, version, digest));
        RequireKnown(comid, 4, "comid");
        if (comid.Find(3) is not null) document.AddNotRead("linked-tags");
        var triples = comid.Find(4) ?? throw new MalformedException(-1, "a CoMID has triples");
        RequireKnown(triples, LastTriple, "triples");
        foreach (var (key, value) in triples.Map("triples"))
        {
            if (key is not { Kind: CborKind.Natural } || key.U64("triples") > LastTriple) continue; // unknown, and said so
            if (key.U64("triples") != 0) document.AddNotRead($"triples {key.U64("triples")}");
            else foreach (var triple in value.Array("reference-triples")) Triple(triple);
        }
    }

    private void Triple(CborItem triple)
    {
        if (triple.Array("a reference triple") is not [var environment, var measurements]) throw new MalformedException(-1, "a reference triple is an environment and its measurements");
        var of = Environment(environment);
        foreach (var measurement in measurements.Array("measurements")) document.Add(Measurement(of, measurement));
    }

    private ReferenceEnvironment Environment(CborItem map)
    {
        RequireKnown(map, 2, "environment");
        var kind = map.Find(0);
        if (kind is not null) RequireKnown(kind, 4, "class");
        return new(Name(kind?.Find(0)), kind?.Find(1)?.Text("vendor"), kind?.Find(2)?.Text("model"), kind?.Find(3)?.U64("layer"), kind?.Find(4)?.U64("index"), Name(map.Find(1)), Name(map.Find(2)));
    }

    private ReferenceValue Measurement(ReferenceEnvironment environment, CborItem map)
    {
        RequireKnown(map, 2, "measurement");
        var value = map.Find(1) ?? throw new MalformedException(-1, "a measurement has a value");
        RequireKnown(value, LastValue, "measurement-values");
        List<string> unread = [.. value.Map("measurement-values").Where(entry => entry.Key is { Kind: not CborKind.Natural } || !Understood.Contains(entry.Key.U64("key"))).Select(entry => CorimDocument.Name(entry.Key))];
        if (map.Find(2) is not null) unread.Add("authorized-by"); // it says whose evidence may be compared
        var (raw, mask) = Raw(value);
        return new(id, version, environment, Name(map.Find(0)), value.Find(0) is { } software ? Version(software) : null, Svn(value.Find(1)), value.Find(1)?.Tagged(MinimumSvn) is not null,
            Digests(value.Find(2)), raw, mask, Registers(value.Find(14)), unread);
    }

    /// <summary>A bare number and tag 552 are exact, tag 553 is a minimum.</summary>
    private static ulong? Svn(CborItem? svn) => svn is null ? null : (svn.Tagged(ExactSvn) ?? svn.Tagged(MinimumSvn) ?? svn).U64("svn");

    private static string Version(CborItem map)
    {
        map.Map("version");
        return (map.Find(0) ?? throw new MalformedException(-1, "a version has a text")).Text("version");
    }

    private static (ReadOnlyMemory<byte>? Raw, ReadOnlyMemory<byte>? Mask) Raw(CborItem value)
    {
        var mask = value.Find(5)?.Bytes("a mask");
        ReadOnlyMemory<byte>? raw = null;
        if (value.Find(4) is { } item)
        {
            if (item.Tagged(MaskedRaw) is { } masked)
            {
                if (mask is not null || masked.Array("a masked value") is not [var bytes, var itsMask]) throw new MalformedException(-1, "a masked value is a value and one mask");
                (raw, mask) = (bytes.Bytes("a raw value"), itsMask.Bytes("a mask"));
            }
            else raw = (item.Tagged(TaggedBytes) ?? throw new MalformedException(-1, "a raw value has tag 560 or 563")).Bytes("a raw value");
        }
        if (mask is { } bits && (raw is not { } masks || bits.Length != masks.Length)) throw new MalformedException(-1, "a mask is as long as its value");
        return (raw, mask);
    }

    private IReadOnlyList<ReferenceDigest> Digests(CborItem? digests)
    {
        List<ReferenceDigest> read = [];
        foreach (var digest in digests?.Array("digests") ?? [])
        {
            if (digest.Array("a digest") is not [var algorithm, var bytes]) throw new MalformedException(-1, "a digest is an algorithm and bytes");
            var value = bytes.Bytes("a digest");
            if (ReferenceDigest.From(CorimDocument.Name(algorithm), value) is { } known) read.Add(known);
            else document.AddBadDigest($"{value.Length} bytes by algorithm {CorimDocument.Name(algorithm)}");
        }
        return read;
    }

    private IReadOnlyList<(string, IReadOnlyList<ReferenceDigest>)> Registers(CborItem? registers) =>
        registers is null ? [] : [.. registers.Map("integrity-registers").Select(entry => (CorimDocument.Name(entry.Key), Digests(entry.Value)))];

    private void RequireKnown(CborItem map, ulong last, string what)
    {
        foreach (var (key, _) in map.Map(what))
        {
            if (key.Kind != CborKind.Natural || key.U64(what) > last) document.AddUnknown($"{what} {CorimDocument.Name(key)}");
        }
    }

    private static string? Name(CborItem? item) => item is null ? null : CorimDocument.Name(item);
}
