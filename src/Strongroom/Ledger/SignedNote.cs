using System.Buffers.Binary;
using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>A line under a note: who signed (name and key id) and the signature's bytes. Nothing is verified by having one.</summary>
public sealed class NoteSignature(string name, uint keyId, ReadOnlyMemory<byte> bytes)
{
    public string Name { get; } = name;

    public uint KeyId { get; } = keyId;

    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    /// <exception cref="MalformedException">Not em dash, space, name, space, base64 of an id and a signature.</exception>
    public static NoteSignature Parse(string line)
    {
        var parts = line.Split(' ');
        if (parts.Length != 3 || parts[0] != "—") throw new MalformedException(-1, "a signature line is written: em dash, name, base64");
        VerifierKey.RequireName(parts[1]);
        var bytes = OneSpelling.Base64(parts[2], "a signature");
        if (bytes.Length <= sizeof(uint)) throw new MalformedException(-1, "a signature line holds a key id and a signature");
        return new(parts[1], BinaryPrimitives.ReadUInt32BigEndian(bytes), bytes.AsMemory(sizeof(uint)));
    }

    /// <summary>The line without its newline.</summary>
    public override string ToString()
    {
        var bytes = new byte[sizeof(uint) + Bytes.Length];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, KeyId);
        Bytes.Span.CopyTo(bytes.AsSpan(sizeof(uint)));
        return $"— {Name} {Convert.ToBase64String(bytes)}";
    }
}

/// <summary>Text with signature lines under it (C2SP signed-note). Parsing verifies nothing; ask <see cref="IsSignedBy"/>.</summary>
public sealed class SignedNote(string text, IReadOnlyList<NoteSignature> signatures)
{
    public const int MaxSizeInBytes = 1 << 18;
    public const int MaxSignatures = 64;

    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>What was signed, final newline included.</summary>
    public string Text { get; } = text;

    public IReadOnlyList<NoteSignature> Signatures { get; } = signatures;

    /// <exception cref="MalformedException">Not UTF-8, too long, or not a note.</exception>
    public static SignedNote Parse(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length > MaxSizeInBytes) throw new MalformedException(MaxSizeInBytes, "the note is too long");
        try
        {
            return Parse(Utf8.GetString(utf8));
        }
        catch (DecoderFallbackException e)
        {
            throw new MalformedException(e.Index, "a note is UTF-8");
        }
    }

    /// <exception cref="MalformedException">Too long, control characters, no blank line, no signature, or a line that is none.</exception>
    public static SignedNote Parse(string note)
    {
        if (note.Length > MaxSizeInBytes) throw new MalformedException(MaxSizeInBytes, "the note is too long");
        var control = note.AsSpan().IndexOfAnyInRange('\0', '\t');
        if (control < 0) control = note.AsSpan().IndexOfAnyInRange('\v', '\u001f');
        if (control >= 0) throw new MalformedException(control, "a note has no control characters");
        var blank = note.LastIndexOf("\n\n", StringComparison.Ordinal);
        if (blank < 0 || !note.EndsWith('\n')) throw new MalformedException(-1, "a note is text, a blank line and signature lines, each ended by a newline");
        var lines = note[(blank + 2)..].Split('\n')[..^1];
        if (lines.Length is 0 or > MaxSignatures) throw new MalformedException(blank, $"a note has 1 to {MaxSignatures} signatures");
        return new(note[..(blank + 1)], [.. lines.Select(NoteSignature.Parse)]);
    }

    /// <summary>
    /// True when at least one line is by <paramref name="key"/> and every line that names it verifies. A wrong signature in a trusted name is an
    /// attack or a fault, never an unknown signature to be passed over.
    /// </summary>
    public bool IsSignedBy(VerifierKey key)
    {
        var lines = Signatures.Where(key.Made).ToList();
        return lines.Count > 0 && lines.TrueForAll(line => key.Verifies(Text, line));
    }

    public SignedNote With(IEnumerable<NoteSignature> more) => new(Text, [.. Signatures, .. more]);

    public override string ToString() => Text + "\n" + string.Concat(Signatures.Select(line => line + "\n"));
}
