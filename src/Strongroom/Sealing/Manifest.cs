using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Sealing;

/// <summary>
/// What a sealed model is: its name, version, publisher and files, as canonical JSON signed with Ed25519 (spec/sealed-model.md, "manifest.json").
/// A value of this type has every property that the format demands, the signature by the key that it names included; whether that key is to be
/// trusted is the caller's to ask with <see cref="IsFrom"/>.
/// </summary>
public sealed partial class Manifest
{
    public const int MaxFiles = 10_000;
    public const int MaxBytes = 8 << 20;

    private readonly Document document;

    private Manifest(Document document, byte[] unsigned, byte[] bytes)
    {
        this.document = document;
        Bytes = bytes;
        ModelDigest = Digest.Of(unsigned);
    }

    public string Name => document.Name;

    /// <summary>1 to 2^53; grows with each release of the model.</summary>
    public long Version => document.Version;

    public Ed25519PublicKey Publisher => document.Publisher;

    public DateTimeOffset Created => document.Created;

    public IReadOnlyList<ManifestFile> Files => document.Files;

    public ManifestExtensions? Extensions => document.Extensions;

    /// <summary>SHA-256 of the canonical bytes without the signature: what approvals, releases and recipients refer to.</summary>
    public Digest ModelDigest { get; }

    /// <summary>The bytes of manifest.json.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>Signs a new manifest; the publisher is the key that signs.</summary>
    /// <exception cref="MalformedException">A name, length, count or version that no reader would accept.</exception>
    public static Manifest Sign(
        Ed25519PrivateKey publisher, string name, long version, DateTimeOffset created, IReadOnlyList<ManifestFile> files, ManifestExtensions? extensions = null)
    {
        ArgumentNullException.ThrowIfNull(publisher);
        var unsigned = new Document("manifest.v1", name, version, publisher.PublicKey, Timestamp.WholeSecond(created), files, extensions);
        Check(unsigned);
        var bytes = CanonicalJson.Serialize(unsigned, SealingJson.Default.Document);
        var signed = CanonicalJson.Serialize(unsigned with { Signature = publisher.Sign([.. Domain, .. bytes]) }, SealingJson.Default.Document);
        return signed.Length <= MaxBytes ? new(unsigned, bytes, signed) : throw new MalformedException(MaxBytes, $"a manifest has at most {MaxBytes} bytes");
    }

    /// <exception cref="MalformedException">Not canonical, an unknown or missing field, a name or length that the format refuses, too many files.</exception>
    /// <exception cref="RefusedException">The signature is not the named publisher's, or an extension that is critical is unknown.</exception>
    public static Manifest Parse(ReadOnlySpan<byte> utf8)
    {
        var signed = CanonicalJson.Parse(utf8, SealingJson.Default.Document, MaxBytes);
        Check(signed);
        var unsigned = signed with { Signature = null };
        var bytes = CanonicalJson.Serialize(unsigned, SealingJson.Default.Document);
        if (signed.Signature is null || !signed.Publisher.Verify([.. Domain, .. bytes], signed.Signature))
            throw new RefusedException("the manifest's signature is not that of the publisher it names");
        if (signed.Extensions?.Critical is [var critical, ..]) throw new RefusedException($"the manifest has a critical extension '{critical}' that this version does not know");
        return new(unsigned, bytes, utf8.ToArray());
    }

    /// <summary>True when the manifest was signed by exactly this key.</summary>
    public bool IsFrom(Ed25519PublicKey publisher) => Publisher.Equals(publisher);

    public FileIdentity Identity(int file) => new(Publisher, Name, Version, Files[file].Name);

    private static ReadOnlySpan<byte> Domain => "strongroom/manifest/v1\n"u8;

    private static void Check(Document document)
    {
        if (document.Type != "manifest.v1") throw new MalformedException(-1, "not a manifest of version 1");
        RequireModelName(document.Name);
        RequireVersion(document.Version);
        if (document.Files.Count is 0 or > MaxFiles) throw new MalformedException(-1, $"a model has 1 to {MaxFiles} files, not {document.Files.Count}");
        FileName.RequireDistinct(document.Files.Select(file => file.Name));
        for (var i = 0; i < document.Files.Count; i++)
        {
            var file = document.Files[i];
            if (i > 0 && string.CompareOrdinal(document.Files[i - 1].Name, file.Name) >= 0) throw new MalformedException(-1, "files stand in the order of their names");
            if (file.Length is < 0 or > SealedLayout.MaxLength) throw new MalformedException(-1, $"{file.Name}: a file has 0 to 4 PiB - 1 bytes");
            if (file.SealedLength != SealedLayout.SealedLength(file.Length)) throw new MalformedException(-1, $"{file.Name}: sealed and plain length do not belong together");
            if (file.Safetensors is { } index && (index.HeaderLength < 2 || index.HeaderLength > file.Length - 8)) throw new MalformedException(-1, $"{file.Name}: the safetensors header does not fit the file");
        }
        if (document.Extensions is { } extensions && extensions.Critical.Any(name => !extensions.Values.ContainsKey(name)))
            throw new MalformedException(-1, "a critical extension has no value");
    }

    /// <exception cref="MalformedException">Not 1 to 64 of letters, digits, dots, dashes and underscores, the first a letter or digit: the ledger takes no other (spec/records.md).</exception>
    public static void RequireModelName(string name)
    {
        if (!ModelName().IsMatch(name)) throw new MalformedException(-1, "a model's name is 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit");
    }

    /// <exception cref="MalformedException">Not 1 to 2^53.</exception>
    public static void RequireVersion(long version)
    {
        if (version is < 1 or > CanonicalJson.MaxInteger) throw new MalformedException(-1, "a model's version is 1 to 2^53");
    }

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex ModelName();

    internal sealed record Document(
        string Type, string Name, long Version, Ed25519PublicKey Publisher, DateTimeOffset Created, IReadOnlyList<ManifestFile> Files,
        ManifestExtensions? Extensions = null, byte[]? Signature = null);
}

/// <param name="Name">Relative, normalised: <see cref="FileName"/>.</param>
/// <param name="Length">Plain bytes.</param>
/// <param name="SealedLength">Bytes of NAME.sealed.</param>
/// <param name="TreeRoot">Root of <see cref="SealedTree"/> over the sealed bytes.</param>
/// <param name="Safetensors">Present when the file is of that format.</param>
public sealed record ManifestFile(string Name, long Length, long SealedLength, Digest TreeRoot, SafetensorsIndex? Safetensors = null);

/// <summary>Where a safetensors file's own index ends: whoever holds the file's key decrypts it, and then any one tensor, without the rest. Names and shapes stay sealed.</summary>
/// <param name="HeaderLength">Bytes of the JSON header, which begins at byte 8.</param>
public sealed record SafetensorsIndex(long HeaderLength);

/// <summary>The one place where a manifest may grow.</summary>
/// <param name="Critical">Names of those that a reader must know; any other reader refuses.</param>
/// <param name="Values">Name to value.</param>
public sealed record ManifestExtensions(IReadOnlyList<string> Critical, IReadOnlyDictionary<string, string> Values);
