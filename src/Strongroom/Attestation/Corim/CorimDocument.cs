using System.Globalization;
using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Corim;

/// <summary>corim-map (draft-ietf-rats-corim), parsed. Nothing is verified.</summary>
internal sealed class CorimDocument
{
    private const ulong CorimTag = 501;
    private const ulong ComidTag = 506;

    private readonly List<CorimTag> tags = [];
    private readonly List<ReferenceValue> values = [];
    private readonly List<string> unknown = [];
    private readonly List<string> notRead = [];
    private readonly List<string> badDigests = [];

    private CorimDocument(CborItem map)
    {
        foreach (var (key, _) in map.Map("corim-map"))
        {
            if (key.Kind != CborKind.Natural || key.U64("key") > 5) unknown.Add($"corim-map {Name(key)}");
        }
        Id = Identity(map.Find(0) ?? throw new MalformedException(-1, "a CoRIM has an id"));
        Profile = map.Find(3) is { } profile ? ProfileOf(profile) : null;
        Validity = map.Find(4) is { } validity ? ValidityPeriod.Parse(validity) : null;
        if (map.Find(2) is not null) notRead.Add("dependent-rims");
        foreach (var tag in (map.Find(1) ?? throw new MalformedException(-1, "a CoRIM has tags")).Array("tags"))
        {
            if (tag.Tagged(ComidTag) is { } comid) new ComidReader(comid.Bytes("a CoMID"), this).Read();
            else notRead.Add($"a tag of kind {tag.TagNumber("a tag of a CoRIM")}");
        }
    }

    public string Id { get; }

    public string? Profile { get; }

    public ValidityPeriod? Validity { get; }

    public IReadOnlyList<CorimTag> Tags => tags;

    public IReadOnlyList<ReferenceValue> Values => values;

    /// <summary>Members that the specification does not have: extensions that only a profile explains.</summary>
    public IReadOnlyList<string> Unknown => unknown;

    /// <summary>Members that the specification has and that say more than reference values.</summary>
    public IReadOnlyList<string> NotRead => notRead;

    public IReadOnlyList<string> BadDigests => badDigests;

    /// <param name="bytes">The payload: tag 501 around a corim-map, in which older tools leave out the tag.</param>
    /// <exception cref="MalformedException">Not that.</exception>
    public static CorimDocument Parse(ReadOnlyMemory<byte> bytes)
    {
        var item = CborItem.Parse(bytes, CborForm.AnyOrder);
        return new(item.Tagged(CorimTag) ?? item);
    }

    public void Add(CorimTag tag) => tags.Add(tag);

    public void Add(ReferenceValue value) => values.Add(value);

    public void AddUnknown(string what) => unknown.Add(what);

    public void AddNotRead(string what) => notRead.Add(what);

    public void AddBadDigest(string what) => badDigests.Add(what);

    /// <summary>A text, a number or bytes, with the number of the tag before a colon where there is one.</summary>
    public static string Name(CborItem item) => item.Kind switch
    {
        CborKind.Text => item.Text("a name"),
        CborKind.Natural => item.U64("a number").ToString(CultureInfo.InvariantCulture),
        CborKind.Negative => item.I64("a number").ToString(CultureInfo.InvariantCulture),
        CborKind.Bytes => Convert.ToHexStringLower(item.Bytes("bytes").Span),
        CborKind.Tag => $"{item.TagNumber("a tag").ToString(CultureInfo.InvariantCulture)}:{Name(item.Items[0])}",
        _ => throw new MalformedException(-1, "an identifier is a text, a number or bytes"),
    };

    /// <summary>Identifiers of CoRIMs and of their tags: a text, or the 16 bytes of a UUID.</summary>
    public static string Identity(CborItem item) => item.Kind == CborKind.Bytes && item.Bytes("an id").Length != 16 ? throw new MalformedException(-1, "an id is a text or 16 bytes") : Name(item);

    private static string ProfileOf(CborItem item) => item.Tagged(32) is { } uri ? uri.Text("a profile") : Name(item);
}
