using System.Security.Cryptography;
using Strongroom.Bytes;

namespace Strongroom.Crypto;

/// <summary>
/// Hybrid public key encryption (RFC 9180), base mode, one message for each encapsulation: DHKEM(X25519 or P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
/// </summary>
public static class Hpke
{
    private const int TagSizeInBytes = 16;

    /// <summary>Encrypts to a public key; anyone can, so this says nothing about the sender.</summary>
    /// <param name="to">The recipient.</param>
    /// <param name="info">What the key schedule is bound to (section 5.1).</param>
    /// <param name="aad">Authenticated beside the plaintext.</param>
    /// <param name="plaintext">The message.</param>
    /// <returns>enc || ciphertext || tag.</returns>
    public static byte[] Seal(HpkePublicKey to, ReadOnlySpan<byte> info, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> plaintext)
    {
        ArgumentNullException.ThrowIfNull(to);
        using var ephemeral = HpkePrivateKey.Generate(to.Kem);
        return Seal(to, info, aad, plaintext, ephemeral, Aead.Aes256Gcm);
    }

    /// <param name="key">The recipient's private key.</param>
    /// <param name="info">As in <see cref="Seal(HpkePublicKey, ReadOnlySpan{byte}, ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>.</param>
    /// <param name="aad">Likewise.</param>
    /// <param name="sealedBytes">enc || ciphertext || tag.</param>
    /// <exception cref="AuthenticationTagMismatchException">Key, info, aad or any byte differ from the sealing.</exception>
    /// <exception cref="MalformedException">Too short to hold enc, one byte and a tag.</exception>
    public static Secret Open(HpkePrivateKey key, ReadOnlySpan<byte> info, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> sealedBytes) =>
        Open(key, info, aad, sealedBytes, Aead.Aes256Gcm);

    internal static byte[] Seal(
        HpkePublicKey to, ReadOnlySpan<byte> info, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> plaintext, HpkePrivateKey ephemeral, Aead aead)
    {
        var kem = to.KeyEncapsulation;
        using var shared = kem.Encapsulate(to, ephemeral);
        using var context = KeySchedule(kem, shared, info, aead);
        var output = new byte[kem.PublicKeySizeInBytes + plaintext.Length + TagSizeInBytes];
        ephemeral.PublicKey.Span.CopyTo(output);
        var ciphertext = output.AsSpan(kem.PublicKeySizeInBytes);
        using var cipher = new AesGcm(context.Key.Span, TagSizeInBytes);
        cipher.Encrypt(context.Nonce.Span, plaintext, ciphertext[..^TagSizeInBytes], ciphertext[^TagSizeInBytes..], aad);
        return output;
    }

    internal static Secret Open(HpkePrivateKey key, ReadOnlySpan<byte> info, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> sealedBytes, Aead aead)
    {
        ArgumentNullException.ThrowIfNull(key);
        var kem = key.PublicKey.KeyEncapsulation;
        var length = sealedBytes.Length - kem.PublicKeySizeInBytes - TagSizeInBytes;
        if (length < 1) throw new MalformedException(sealedBytes.Length, "too short for an HPKE message");
        using var shared = kem.Decapsulate(key, sealedBytes[..kem.PublicKeySizeInBytes]);
        using var context = KeySchedule(kem, shared, info, aead);
        var ciphertext = sealedBytes[kem.PublicKeySizeInBytes..];
        var plaintext = new Secret(length);
        try
        {
            using var cipher = new AesGcm(context.Key.Span, TagSizeInBytes);
            cipher.Decrypt(context.Nonce.Span, ciphertext[..^TagSizeInBytes], ciphertext[^TagSizeInBytes..], plaintext.Span, aad);
            return plaintext;
        }
        catch
        {
            plaintext.Dispose();
            throw;
        }
    }

    /// <summary>Section 5.1, KeySchedule in mode_base: no PSK, so that its identifier and value are empty.</summary>
    internal static Context KeySchedule(Dhkem kem, Secret shared, ReadOnlySpan<byte> info, Aead aead)
    {
        byte[] suite = [.. "HPKE"u8, (byte)(kem.Id >> 8), (byte)kem.Id, 0x00, 0x01, (byte)(aead.Id >> 8), (byte)aead.Id];
        using var pskIdHash = HpkeLabels.Extract(suite, [], "psk_id_hash", []);
        using var infoHash = HpkeLabels.Extract(suite, [], "info_hash", info);
        byte[] context = [0x00, .. pskIdHash.Span, .. infoHash.Span];
        using var secret = HpkeLabels.Extract(suite, shared.Span, "secret", []);
        return new(
            HpkeLabels.Expand(suite, secret, "key", context, aead.KeySizeInBytes),
            HpkeLabels.Expand(suite, secret, "base_nonce", context, Aes256Gcm.NonceSizeInBytes));
    }

    /// <summary>Section 7.3. Only AES-256-GCM is ever used; AES-128-GCM is what the RFC's appendix has vectors for.</summary>
    internal sealed record Aead(ushort Id, int KeySizeInBytes)
    {
        internal static readonly Aead Aes128Gcm = new(0x0001, 16);
        internal static readonly Aead Aes256Gcm = new(0x0002, 32);
    }

    internal sealed record Context(Secret Key, Secret Nonce) : IDisposable
    {
        public void Dispose()
        {
            Key.Dispose();
            Nonce.Dispose();
        }
    }
}
