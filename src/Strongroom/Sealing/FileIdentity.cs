using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Sealing;

/// <summary>
/// What a file is: whose, of which model and version, under which name. It enters both the file's key and its encryption, so that no file can
/// stand in for another, in this model or any other (spec/sealed-model.md, "Keys of files").
/// </summary>
public sealed class FileIdentity
{
    private readonly byte[] context;

    public FileIdentity(Ed25519PublicKey publisher, string model, long version, string name)
    {
        ArgumentNullException.ThrowIfNull(publisher);
        FileName.Require(name);
        context = CanonicalJson.Serialize(new("file.v1", publisher, model, version, name), SealingJson.Default.FileContext);
    }

    /// <summary>Canonical JSON; the context of C2SP chunked-encryption.</summary>
    public ReadOnlySpan<byte> Context => context;

    internal sealed record FileContext(string Type, Ed25519PublicKey Publisher, string Model, long Version, string Name);
}

/// <summary>The 32-byte input key of each file, derived from the model's key: one file can be released without the others.</summary>
public static class ContentKeys
{
    public const int SizeInBytes = 32;

    /// <param name="modelKey">32 bytes.</param>
    /// <param name="manifest">The model.</param>
    /// <param name="file">Index into <see cref="Manifest.Files"/>.</param>
    public static Secret Derive(Secret modelKey, Manifest manifest, int file)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return Derive(modelKey, manifest.Identity(file));
    }

    /// <summary>HKDF-Expand (RFC 5869 section 2.3) with SHA-512, info = "strongroom/file-key/v1" || 0x00 || context.</summary>
    public static Secret Derive(Secret modelKey, FileIdentity identity)
    {
        ArgumentNullException.ThrowIfNull(identity);
        return Expand(modelKey, [.. "strongroom/file-key/v1\0"u8, .. identity.Context]);
    }

    internal static Secret Expand(Secret modelKey, ReadOnlySpan<byte> info)
    {
        ArgumentNullException.ThrowIfNull(modelKey);
        if (modelKey.Length != SizeInBytes) throw new ArgumentException("a model key has 32 bytes", nameof(modelKey));
        var key = new Secret(SizeInBytes);
        Hkdf.Expand(HashAlgorithmName.SHA512, modelKey.Span, info, key.Span);
        return key;
    }
}
