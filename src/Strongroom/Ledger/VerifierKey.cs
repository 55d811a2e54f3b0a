using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Ledger;

/// <summary>How a key signs a note (C2SP signed-note, "Signature types"); the value is the type byte of the written key.</summary>
public enum NoteAlgorithm : byte
{
    /// <summary>Ed25519 over the note's text: what a ledger signs with.</summary>
    Ed25519 = 0x01,

    /// <summary>Ed25519 over <c>cosignature/v1</c>, the time and the note's text: what a witness signs with (C2SP tlog-cosignature).</summary>
    Cosignature = 0x04,
}

/// <summary>
/// A named public key that notes are checked with, written <c>name+hex(key id)+base64(type || key)</c> (C2SP signed-note, "Verifier keys").
/// </summary>
[JsonConverter(typeof(Json))]
public sealed class VerifierKey : IEquatable<VerifierKey>
{
    /// <exception cref="MalformedException">The name is empty, or has white space, control characters or a plus sign.</exception>
    public VerifierKey(string name, NoteAlgorithm algorithm, Ed25519PublicKey key)
    {
        RequireName(name);
        (Name, Algorithm, Key) = (name, algorithm, key);
        var hashed = SHA256Of(name, algorithm, key);
        KeyId = BinaryPrimitives.ReadUInt32BigEndian(hashed.Span);
    }

    public string Name { get; }

    public NoteAlgorithm Algorithm { get; }

    public Ed25519PublicKey Key { get; }

    /// <summary>First four bytes, big-endian, of SHA-256(name || 0x0A || type || key): finds the key, proves nothing.</summary>
    public uint KeyId { get; }

    /// <exception cref="MalformedException">Any other form, a type that is not used here, or a key id that is not the key's.</exception>
    public static VerifierKey Parse(string text)
    {
        var parts = text.Split('+', 3);
        if (parts.Length != 3) throw new MalformedException(-1, "a verifier key is written name+id+key");
        var typed = OneSpelling.Base64(parts[2], "the key of a verifier key");
        if (typed.Length != 1 + Ed25519PublicKey.SizeInBytes || typed[0] is not ((byte)NoteAlgorithm.Ed25519 or (byte)NoteAlgorithm.Cosignature))
            throw new MalformedException(-1, "a verifier key holds an Ed25519 key of type 1 (ledger) or 4 (witness)");
        var key = new VerifierKey(parts[0], (NoteAlgorithm)typed[0], Ed25519PublicKey.From(typed.AsSpan(1)));
        return parts[1] == Hex(key.KeyId) ? key : throw new MalformedException(-1, $"the key id of {key.Name} is not that of its key");
    }

    /// <summary>True when <paramref name="signature"/> names this key and is its signature of <paramref name="text"/>.</summary>
    public bool Verifies(string text, NoteSignature signature)
    {
        if (!Made(signature)) return false;
        var bytes = signature.Bytes.Span;
        if (Algorithm == NoteAlgorithm.Ed25519) return Key.Verify(Encoding.UTF8.GetBytes(text), bytes);
        return Cosignature.Split(bytes, out var time, out var made) && Key.Verify(Cosignature.Message(time, text), made);
    }

    /// <summary>True when the line carries this key's name and id. Nothing is verified.</summary>
    public bool Made(NoteSignature signature) => signature.KeyId == KeyId && signature.Name == Name;

    public override string ToString() => $"{Name}+{Hex(KeyId)}+{Convert.ToBase64String([(byte)Algorithm, .. Key.Span])}";

    public bool Equals(VerifierKey? other) => other is not null && Name == other.Name && Algorithm == other.Algorithm && Key.Equals(other.Key);

    public override bool Equals(object? obj) => Equals(obj as VerifierKey);

    public override int GetHashCode() => (int)(KeyId & int.MaxValue);

    internal static void RequireName(string name)
    {
        if (name.Length is 0 or > 255 || name.Any(c => char.IsWhiteSpace(c) || char.IsControl(c) || c == '+'))
            throw new MalformedException(-1, "a key name has 1 to 255 characters, none of them white space, control or plus");
    }

    private static string Hex(uint id) => id.ToString("x8", CultureInfo.InvariantCulture);

    private static Digest SHA256Of(string name, NoteAlgorithm algorithm, Ed25519PublicKey key) =>
        Digest.Of([.. Encoding.UTF8.GetBytes(name), (byte)'\n', (byte)algorithm, .. key.Span]);

    internal sealed class Json : JsonConverter<VerifierKey>
    {
        public override VerifierKey Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Parse(reader.GetString() ?? throw new MalformedException(-1, "a verifier key cannot be null"));

        public override void Write(Utf8JsonWriter writer, VerifierKey value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }
}
