using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Weights.Models;

/// <summary>What a token stands for.</summary>
internal enum TokenKind : byte
{
    /// <summary>The bytes of its piece.</summary>
    Text,

    /// <summary>Nothing that is shown: begin, end, turns of a chat. Never made from a person's text.</summary>
    Control,

    /// <summary>Its text, but it is never made from a person's text.</summary>
    Added,

    /// <summary>One byte, for characters that the vocabulary lacks.</summary>
    Byte,

    /// <summary>A character that could not be written otherwise.</summary>
    Unknown,
}

/// <summary>The tokens of a model: what each adds to a text, and which token a run of bytes is.</summary>
internal sealed class Vocabulary
{
    private readonly List<byte[]> pieces = [];
    private readonly List<TokenKind> kinds = [];
    private readonly Dictionary<byte[], int> texts = new(Bytes.Instance);
    private readonly Dictionary<string, int> controls = new(StringComparer.Ordinal);
    private readonly int[] bytes = Enumerable.Repeat(-1, 256).ToArray();

    public int Count => pieces.Count;

    public int? Unknown { get; private set; }

    /// <summary>Bytes of the longest piece, at least 1.</summary>
    public int Longest { get; private set; } = 1;

    /// <summary>There is a token for each of the 256 bytes.</summary>
    public bool HasAllBytes => !bytes.Contains(-1);

    /// <param name="name">What the token is found by.</param>
    /// <param name="shown">What it adds to a text, where that differs from its name.</param>
    /// <exception cref="MalformedException">A second token with the same name, or for the same byte.</exception>
    public void Add(byte[] name, TokenKind kind, byte[]? shown = null)
    {
        var token = pieces.Count;
        var piece = shown ?? name;
        if (kind == TokenKind.Text && !texts.TryAdd(name, token)) throw new MalformedException(-1, $"tokens {texts[name]} and {token} have the same text");
        if (kind is TokenKind.Control or TokenKind.Added && !controls.TryAdd(Encoding.UTF8.GetString(name), token))
            throw new MalformedException(-1, $"token {token} has the name of another");
        if (kind == TokenKind.Byte)
        {
            if (bytes[name[0]] >= 0) throw new MalformedException(-1, $"tokens {bytes[name[0]]} and {token} are the same byte");
            bytes[name[0]] = token;
        }
        if (kind == TokenKind.Unknown) Unknown = token;
        Longest = Math.Max(Longest, piece.Length);
        pieces.Add(piece);
        kinds.Add(kind);
    }

    public ReadOnlySpan<byte> Piece(int token) => pieces[token];

    public TokenKind Kind(int token) => kinds[token];

    /// <summary>The token whose text is exactly <paramref name="text"/>, -1 where there is none.</summary>
    public int Find(ReadOnlySpan<byte> text) => texts.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(text, out var token) ? token : -1;

    public int? FindControl(string name) => controls.TryGetValue(name, out var token) ? token : null;

    /// <summary>The token of one byte, -1 where there is none.</summary>
    public int OfByte(byte value) => bytes[value];

    /// <summary>Reads the spelling of a byte token, <c>&lt;0x0A&gt;</c>.</summary>
    public static bool IsByteName(ReadOnlySpan<byte> name, out byte value)
    {
        value = 0;
        return name.Length == 6 && name.StartsWith("<0x"u8) && name[5] == '>'
            && byte.TryParse(name[3..5], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    private sealed class Bytes : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static Bytes Instance { get; } = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode([DisallowNull] byte[] obj) => GetHashCode((ReadOnlySpan<byte>)obj);

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = default(HashCode);
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
