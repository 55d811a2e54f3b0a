using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Cose;

/// <summary>Reads CBOR (RFC 8949) front to back. Nothing is allocated from a length that the input merely claims.</summary>
internal ref struct CborParser(ReadOnlyMemory<byte> bytes, CborForm form)
{
    private const byte Break = 0xFF;
    private const int Indefinite = 31;
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ReadOnlyMemory<byte> bytes = bytes;
    private readonly CborForm form = form;
    private ByteReader reader = new(bytes.Span);
    private int items;

    public CborItem Item(int depth)
    {
        if (depth > CborItem.MaxDepth) throw new MalformedException(reader.Offset, $"CBOR is nested more than {CborItem.MaxDepth} deep");
        if (++items > CborItem.MaxItems) throw new MalformedException(reader.Offset, $"CBOR has more than {CborItem.MaxItems} items");
        var start = reader.Offset;
        var initial = reader.U8("a CBOR item");
        var (major, info) = (initial >> 5, initial & 31);
        return major switch
        {
            0 => new(CborKind.Natural, Argument(info), From(start), 0),
            1 => new(CborKind.Negative, Argument(info), From(start), 0),
            2 => String(CborKind.Bytes, start, info),
            3 => String(CborKind.Text, start, info),
            4 => Array(start, info, depth),
            5 => Map(start, info, depth),
            6 => Tag(start, info, depth),
            _ => Simple(start, info),
        };
    }

    public readonly void End() => reader.End("the CBOR item");

    private readonly ReadOnlyMemory<byte> From(int start) => bytes[start..reader.Offset];

    /// <summary>RFC 8949 section 3; a longer head than the value needs is another spelling of the same value.</summary>
    private ulong Argument(int info)
    {
        var at = reader.Offset;
        var (value, least) = info switch
        {
            < 24 => ((ulong)info, 0UL),
            24 => (reader.U8("a CBOR head"), 24UL),
            25 => (reader.U16("a CBOR head"), byte.MaxValue + 1UL),
            26 => (reader.U32("a CBOR head"), ushort.MaxValue + 1UL),
            27 => (reader.U64("a CBOR head"), uint.MaxValue + 1UL),
            _ => throw new MalformedException(at, "a CBOR head of a form that is not allowed here"),
        };
        return value >= least ? value : throw new MalformedException(at, "a CBOR head that is longer than its value needs");
    }

    private CborItem String(CborKind kind, int start, int info)
    {
        var length = Argument(info);
        var at = reader.Offset;
        if (length > (ulong)reader.Remaining) throw new MalformedException(at, $"a CBOR string of {length} bytes, {reader.Remaining} are left");
        var content = reader.Bytes((int)length, "a CBOR string");
        return new(kind, length, From(start), at - start, kind == CborKind.Text ? Decode(content, at) : null);
    }

    private static string Decode(ReadOnlySpan<byte> utf8, int at)
    {
        try
        {
            return Utf8.GetString(utf8);
        }
        catch (DecoderFallbackException)
        {
            throw new MalformedException(at, "a CBOR text that is not UTF-8");
        }
    }

    private CborItem Array(int start, int info, int depth)
    {
        List<CborItem> found = [];
        for (var left = Count(info); More(ref left);) found.Add(Item(depth + 1));
        return new(CborKind.Array, 0, From(start), 0) { Items = found };
    }

    private CborItem Map(int start, int info, int depth)
    {
        List<(CborItem Key, CborItem Value)> found = [];
        for (var left = Count(info); More(ref left);) found.Add((Key(depth + 1), Item(depth + 1)));
        RequireDistinct(found, start);
        return new(CborKind.Map, 0, From(start), 0) { Entries = found };
    }

    private CborItem Key(int depth)
    {
        var at = reader.Offset;
        var key = Item(depth);
        return key.Kind is CborKind.Natural or CborKind.Negative or CborKind.Text or CborKind.Bytes ? key : throw new MalformedException(at, "a CBOR key is a number or a string");
    }

    private CborItem Tag(int start, int info, int depth)
    {
        var number = Argument(info);
        var content = Item(depth + 1);
        return new(CborKind.Tag, number, From(start), 0) { Items = [content] };
    }

    private readonly CborItem Simple(int start, int info) => new(
        info switch
        {
            20 => CborKind.False,
            21 => CborKind.True,
            22 => CborKind.Null,
            _ => throw new MalformedException(start, "a CBOR value of a kind that has no place here: a float, undefined or another simple value"),
        },
        0, From(start), 0);

    /// <summary>How many items follow; -1 where a break ends them.</summary>
    private long Count(int info)
    {
        var at = reader.Offset;
        if (info == Indefinite) return form == CborForm.AnyOrder ? -1 : throw new MalformedException(at, "deterministic CBOR has definite lengths");
        var count = Argument(info);
        // Each item has at least one byte: more items than bytes cannot follow.
        return count <= (ulong)reader.Remaining ? (long)count : throw new MalformedException(at, $"{count} CBOR items cannot follow in {reader.Remaining} bytes");
    }

    private bool More(ref long left)
    {
        if (left >= 0) return left-- > 0;
        if (reader.Remaining == 0) throw new MalformedException(reader.Offset, "CBOR ends inside an array or a map");
        if (bytes.Span[reader.Offset] != Break) return true;
        reader.U8("the break");
        return false;
    }

    /// <summary>Heads are shortest, so equal keys have equal bytes.</summary>
    private readonly void RequireDistinct(List<(CborItem Key, CborItem Value)> entries, int start)
    {
        var keys = new ReadOnlyMemory<byte>[entries.Count];
        for (var i = 0; i < keys.Length; i++) keys[i] = entries[i].Key.Encoded;
        if (form == CborForm.AnyOrder) System.Array.Sort(keys, static (left, right) => left.Span.SequenceCompareTo(right.Span));
        for (var i = 1; i < keys.Length; i++)
        {
            if (keys[i - 1].Span.SequenceCompareTo(keys[i].Span) >= 0) throw new MalformedException(start, form == CborForm.AnyOrder ? "a CBOR map has a key twice" : "the keys of a CBOR map do not ascend");
        }
    }
}
