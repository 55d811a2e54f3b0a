using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Keys;

/// <summary>A custody key in a file, sealed by a passphrase or, under a dangerous name, by nothing.</summary>
public sealed class FileKeys : KeyProvider
{
    public const string Purpose = "custody";

    private const int SaltSize = 32;

    private readonly KeyFile file;

    private FileKeys(KeyFile file) => this.file = file;

    public override string Kind => "file";

    public override string KeyId => file.Id;

    /// <exception cref="MalformedException">Not a custody key.</exception>
    /// <exception cref="AuthenticationTagMismatchException">Not its passphrase.</exception>
    /// <exception cref="RefusedException">Others may read or write the file.</exception>
    internal static new FileKeys Open(string path, Func<Secret>? passphrase) => new(KeyFile.Read(path, Purpose, passphrase));

    /// <remarks>A fresh AES key and nonce for every wrap, from a random salt: no nonce ever meets its key twice, however long the custody key lives.</remarks>
    protected override Task<byte[]> WrapCoreAsync(Secret key, ReadOnlyMemory<byte> context, CancellationToken cancellation)
    {
        var wrapped = new byte[SaltSize + key.Length + Aes256Gcm.TagSizeInBytes];
        RandomNumberGenerator.Fill(wrapped.AsSpan(0, SaltSize));
        using var once = Derive(wrapped.AsSpan(0, SaltSize), context.Span);
        using var cipher = new Aes256Gcm(once.Span[..32]);
        cipher.Encrypt(once.Span[32..], key.Span, wrapped.AsSpan(SaltSize));
        return Task.FromResult(wrapped);
    }

    protected override Task<Secret> UnwrapCoreAsync(ReadOnlyMemory<byte> wrapped, ReadOnlyMemory<byte> context, CancellationToken cancellation)
    {
        var length = wrapped.Length - SaltSize - Aes256Gcm.TagSizeInBytes;
        if (length < 1) throw new MalformedException(wrapped.Length, "too short for a wrapped key");
        using var once = Derive(wrapped.Span[..SaltSize], context.Span);
        using var cipher = new Aes256Gcm(once.Span[..32]);
        var key = new Secret(length);
        if (cipher.TryDecrypt(once.Span[32..], wrapped.Span[SaltSize..], key.Span)) return Task.FromResult(key);
        key.Dispose();
        throw new AuthenticationTagMismatchException("the wrapped key was changed, or wrapped for something else");
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) file.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>HKDF-SHA256 (RFC 5869): salt random, info = "strongroom/file-keys-wrap/v1" || 0x00 || context; 32 bytes of key and 12 of nonce.</summary>
    private Secret Derive(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> context)
    {
        using var pseudorandom = new Secret(32);
        Hkdf.Extract(HashAlgorithmName.SHA256, salt, file.Key.Span, pseudorandom.Span);
        var once = new Secret(32 + Aes256Gcm.NonceSizeInBytes);
        Hkdf.Expand(HashAlgorithmName.SHA256, pseudorandom.Span, [.. "strongroom/file-keys-wrap/v1\0"u8, .. context], once.Span);
        return once;
    }
}
