using Strongroom.Bytes;

namespace Strongroom.Attestation.Cose;

/// <summary>How a CBOR data item must be written. In both forms every head is the shortest, strings have definite lengths, no key occurs twice, and there are no floats and no simple values but false, true and null.</summary>
public enum CborForm
{
    /// <summary>One value, one spelling (RFC 8949 section 4.2.1): definite lengths, keys in ascending order of their bytes.</summary>
    Deterministic,

    /// <summary>Keys in any order, arrays and maps also of indefinite length: what is signed as it came need not be written in one way only.</summary>
    AnyOrder,
}

public enum CborKind
{
    Natural,
    Negative,
    Bytes,
    Text,
    Array,
    Map,
    Tag,
    False,
    True,
    Null,
}

/// <summary>One CBOR data item (RFC 8949), read strictly and whole. It shares the bytes that it was read from and keeps its own spelling.</summary>
public sealed class CborItem
{
    /// <summary>Deepest nesting that is read.</summary>
    public const int MaxDepth = 16;

    /// <summary>Most items that are read, all levels together.</summary>
    public const int MaxItems = 65_536;

    private readonly ulong argument;
    private readonly string? text;

    internal CborItem(CborKind kind, ulong argument, ReadOnlyMemory<byte> encoded, int contentOffset, string? text = null)
    {
        (Kind, this.argument, Encoded, this.text) = (kind, argument, encoded, text);
        Content = encoded[contentOffset..];
    }

    public CborKind Kind { get; }

    /// <summary>The item as it came, head included.</summary>
    public ReadOnlyMemory<byte> Encoded { get; }

    /// <summary>The items of an array, or the one that a tag encloses; empty for every other kind.</summary>
    public IReadOnlyList<CborItem> Items { get; internal init; } = [];

    /// <summary>The entries of a map in the order in which they came; empty for every other kind.</summary>
    public IReadOnlyList<(CborItem Key, CborItem Value)> Entries { get; internal init; } = [];

    public bool IsNull => Kind == CborKind.Null;

    private ReadOnlyMemory<byte> Content { get; }

    /// <param name="bytes">Exactly one item: what follows it is an error.</param>
    /// <param name="form">How strict to be about order and lengths.</param>
    /// <exception cref="MalformedException">Not exactly one item in that form, or beyond <see cref="MaxDepth"/> or <see cref="MaxItems"/>.</exception>
    public static CborItem Parse(ReadOnlyMemory<byte> bytes, CborForm form)
    {
        var parser = new CborParser(bytes, form);
        var item = parser.Item(depth: 0);
        parser.End();
        return item;
    }

    /// <exception cref="MalformedException">No unsigned integer.</exception>
    public ulong U64(string what) => Kind == CborKind.Natural ? argument : throw No(what, "an unsigned integer");

    /// <exception cref="MalformedException">No integer, or one beyond 64 bits with sign.</exception>
    public long I64(string what) => Kind switch
    {
        CborKind.Natural when argument <= long.MaxValue => (long)argument,
        CborKind.Negative when argument <= long.MaxValue => -1 - (long)argument,
        _ => throw No(what, "an integer of 64 bits"),
    };

    /// <exception cref="MalformedException">No byte string.</exception>
    public ReadOnlyMemory<byte> Bytes(string what) => Kind == CborKind.Bytes ? Content : throw No(what, "a byte string");

    /// <exception cref="MalformedException">No text string.</exception>
    public string Text(string what) => text ?? throw No(what, "a text string");

    /// <exception cref="MalformedException">No array.</exception>
    public IReadOnlyList<CborItem> Array(string what) => Kind == CborKind.Array ? Items : throw No(what, "an array");

    /// <exception cref="MalformedException">No map.</exception>
    public IReadOnlyList<(CborItem Key, CborItem Value)> Map(string what) => Kind == CborKind.Map ? Entries : throw No(what, "a map");

    /// <summary>What a tag with this number encloses; null where the item is something else.</summary>
    public CborItem? Tagged(ulong number) => Kind == CborKind.Tag && argument == number ? Items[0] : null;

    /// <summary>The number of a tag.</summary>
    /// <exception cref="MalformedException">No tag.</exception>
    public ulong TagNumber(string what) => Kind == CborKind.Tag ? argument : throw No(what, "a tag");

    /// <summary>The value under a text key of a map; null where there is none.</summary>
    public CborItem? Find(string key) => Find(item => item.text == key);

    /// <summary>The value under an integer key of a map; null where there is none.</summary>
    public CborItem? Find(long key) => Find(item => key >= 0 ? item.Kind == CborKind.Natural && item.argument == (ulong)key : item.Kind == CborKind.Negative && item.argument == (ulong)(-1 - key));

    private CborItem? Find(Predicate<CborItem> isKey)
    {
        foreach (var (key, value) in Entries)
        {
            if (isKey(key)) return value;
        }
        return null;
    }

    private static MalformedException No(string what, string kind) => new(-1, $"{what} is not {kind}");
}
