using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Sealing;

/// <summary>Someone who can open a sealed model: the model's key, wrapped.</summary>
/// <param name="Wrapped">The wrap, or empty while <see cref="Recipients.Context"/> is being asked what it must authenticate.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(CustodyRecipient), "custody")] // a KeyProvider wraps: spec/sealed-model.md, "Custody"
[JsonDerivedType(typeof(HpkeRecipient), "hpke")] // RFC 9180: spec/sealed-model.md, "HPKE"
public abstract record Recipient(byte[] Wrapped);

/// <param name="Provider">Kind of KeyProvider: <c>file</c>.</param>
/// <param name="Key">The provider's name for its key.</param>
/// <param name="Wrapped">What the provider returned.</param>
public sealed record CustodyRecipient(string Provider, string Key, byte[] Wrapped) : Recipient(Wrapped);

/// <param name="Key">To whom.</param>
/// <param name="Wrapped">enc || ciphertext || tag.</param>
public sealed record HpkeRecipient(HpkePublicKey Key, byte[] Wrapped) : Recipient(Wrapped);

/// <summary>
/// recipients.json: who can unwrap the model's key. Outside the manifest's signature and digest, so that wrapping again changes no approval; each
/// wrap authenticates the model digest and all of its own entry, and a MAC under the model's key covers the whole file.
/// </summary>
public sealed class Recipients
{
    public const int MaxEntries = 256;
    public const int MaxBytes = 1 << 20;

    private readonly Document document;

    private Recipients(Document document, byte[] bytes) => (this.document, Bytes) = (document, bytes);

    public Digest ModelDigest => document.ModelDigest;

    public IReadOnlyList<Recipient> Entries => document.Recipients;

    /// <summary>The bytes of recipients.json.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>What a wrap for this entry must authenticate: canonical JSON of the entry without its wrap, and of the model digest.</summary>
    public static byte[] Context(Digest modelDigest, Recipient recipient)
    {
        ArgumentNullException.ThrowIfNull(recipient);
        return CanonicalJson.Serialize(new("wrap.v1", modelDigest, recipient with { Wrapped = [] }), SealingJson.Default.WrapContext);
    }

    public static HpkeRecipient Wrap(Secret modelKey, Digest modelDigest, HpkePublicKey to)
    {
        ArgumentNullException.ThrowIfNull(modelKey);
        var entry = new HpkeRecipient(to, []);
        return entry with { Wrapped = Hpke.Seal(to, Context(modelDigest, entry), [], modelKey.Span) };
    }

    /// <exception cref="MalformedException">No entry, two for one key, or more of them than a reader accepts.</exception>
    public static Recipients Create(Secret modelKey, Digest modelDigest, IReadOnlyList<Recipient> entries)
    {
        var document = new Document("recipients.v1", modelDigest, entries, []);
        document = document with { Mac = Mac(modelKey, document) };
        Check(document);
        var bytes = CanonicalJson.Serialize(document, SealingJson.Default.RecipientsDocument);
        return bytes.Length <= MaxBytes ? new(document, bytes) : throw new MalformedException(MaxBytes, $"recipients.json has at most {MaxBytes} bytes");
    }

    /// <exception cref="MalformedException">Not canonical, an unknown kind or field, no entry, two for one key.</exception>
    /// <exception cref="RefusedException">It belongs to another model.</exception>
    public static Recipients Parse(ReadOnlySpan<byte> utf8, Digest modelDigest)
    {
        var document = CanonicalJson.Parse(utf8, SealingJson.Default.RecipientsDocument, MaxBytes);
        Check(document);
        return document.ModelDigest == modelDigest ? new(document, utf8.ToArray()) : throw new RefusedException("recipients.json belongs to another model");
    }

    /// <summary>Unwraps with a private key.</summary>
    /// <exception cref="RefusedException">No entry is for this key.</exception>
    /// <exception cref="AuthenticationTagMismatchException">The entry, or another part of the file, was changed.</exception>
    public Secret Open(HpkePrivateKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var entry = Entries.OfType<HpkeRecipient>().FirstOrDefault(each => each.Key.Equals(key.PublicKey)) ?? throw new RefusedException("recipients.json has no entry for this key");
        return Authenticated(Hpke.Open(key, Context(ModelDigest, entry), [], entry.Wrapped));
    }

    /// <summary>Hands on the unwrapped model key if it proves that no byte of the file was changed; else wipes it.</summary>
    /// <exception cref="AuthenticationTagMismatchException">The file's MAC is not this key's.</exception>
    public Secret Authenticated(Secret modelKey)
    {
        ArgumentNullException.ThrowIfNull(modelKey);
        if (modelKey.Length == ContentKeys.SizeInBytes && CryptographicOperations.FixedTimeEquals(Mac(modelKey, document), document.Mac)) return modelKey;
        modelKey.Dispose();
        throw new AuthenticationTagMismatchException("recipients.json was changed");
    }

    private static byte[] Mac(Secret modelKey, Document document)
    {
        using var key = ContentKeys.Expand(modelKey, "strongroom/recipients-mac/v1\0"u8);
        return CryptographicOperations.HmacData(HashAlgorithmName.SHA256, key.Span, CanonicalJson.Serialize(document with { Mac = [] }, SealingJson.Default.RecipientsDocument));
    }

    private static void Check(Document document)
    {
        if (document.Type != "recipients.v1") throw new MalformedException(-1, "not a recipients file of version 1");
        if (document.Recipients.Count is 0 or > MaxEntries) throw new MalformedException(-1, $"1 to {MaxEntries} recipients, not {document.Recipients.Count}");
        var keys = document.Recipients.Select(each => each switch { CustodyRecipient custody => $"{custody.Provider} {custody.Key}", HpkeRecipient hpke => hpke.Key.ToString(), _ => "" });
        if (keys.Distinct(StringComparer.Ordinal).Count() != document.Recipients.Count) throw new MalformedException(-1, "two recipients have the same key");
    }

    internal sealed record Document(string Type, Digest ModelDigest, IReadOnlyList<Recipient> Recipients, byte[] Mac);

    internal sealed record WrapContext(string Type, Digest ModelDigest, Recipient Recipient);
}
