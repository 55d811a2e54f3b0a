using System.Buffers.Binary;
using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Attestation.Tpm;

/// <summary>
/// A secret that only one TPM can open, and only if it also holds one certain key: TPM2_MakeCredential done in software (TPM 2.0 part 1, section 24).
/// </summary>
/// <param name="IdObject">TPM2B_ID_OBJECT: the secret, encrypted, and a MAC that binds it to the key's name.</param>
/// <param name="EncryptedSeed">TPM2B_ENCRYPTED_SECRET: what the endorsement key decrypts to the keys of the former.</param>
public sealed record TpmCredential(byte[] IdObject, byte[] EncryptedSeed)
{
    /// <summary>A secret can be as long as the digest of the endorsement key's name.</summary>
    public const int MaxSecretInBytes = 32;

    private const int MaxSizeInBytes = 1024;

    private static readonly byte[] Identity = "IDENTITY\0"u8.ToArray();

    /// <param name="key">The TPM's endorsement key.</param>
    /// <param name="name">Name of the key that must be in the same TPM.</param>
    /// <param name="secret">1 to 32 bytes.</param>
    public static TpmCredential Make(EndorsementKey key, ReadOnlySpan<byte> name, ReadOnlySpan<byte> secret) => Make(key.Public, name, secret);

    /// <exception cref="MalformedException">Not exactly two TPM2B, one after the other.</exception>
    public static TpmCredential Parse(ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        var idObject = new ByteWriter().Sized16(reader.Sized16("the credential", MaxSizeInBytes)).ToArray();
        var encryptedSeed = new ByteWriter().Sized16(reader.Sized16("the encrypted seed", MaxSizeInBytes)).ToArray();
        reader.End("the credential");
        return new(idObject, encryptedSeed);
    }

    /// <summary>As it travels: one TPM2B after the other.</summary>
    public byte[] ToBytes() => [.. IdObject, .. EncryptedSeed];

    internal static TpmCredential Make(TpmPublic key, ReadOnlySpan<byte> name, ReadOnlySpan<byte> secret)
    {
        if (secret.Length is 0 or > MaxSecretInBytes) throw new ArgumentException("a credential's secret has 1 to 32 bytes", nameof(secret));
        using var seed = new Secret(32);
        var encryptedSeed = key.Type == TpmAlgorithm.Rsa ? EncryptRsa(key, seed) : EncryptEcc(key, seed);
        return new(Wrap(seed, name, secret), new ByteWriter().Sized16(encryptedSeed).ToArray());
    }

    /// <summary>Annex B.10.3: OAEP with the hash of the key's name and the label with its terminating zero.</summary>
    private static byte[] EncryptRsa(TpmPublic key, Secret seed)
    {
        RandomNumberGenerator.Fill(seed.Span);
        using var rsa = new RsaPublicKey(key.Rsa());
        return rsa.EncryptOaep(seed.Span, Identity, HashAlgorithmName.SHA256);
    }

    /// <summary>Annex C.6.1: a one-pass Diffie-Hellman exchange and KDFe over the two x coordinates.</summary>
    private static byte[] EncryptEcc(TpmPublic key, Secret seed)
    {
        using var theirs = ECDiffieHellman.Create(key.Ecc());
        using var ours = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        var (x, y) = ours.ExportParameters(false).Q is var q ? (q.X!, q.Y!) : default;
        var derived = ours.DeriveKeyFromHash(theirs.PublicKey, HashAlgorithmName.SHA256, [0, 0, 0, 1], [.. Identity, .. x, .. key.Ecc().Q.X!]);
        derived.CopyTo(seed.Span);
        CryptographicOperations.ZeroMemory(derived);
        return new ByteWriter().Sized16(x).Sized16(y).ToArray();
    }

    /// <summary>Section 24.4 and 24.5: AES-128-CFB, then HMAC over the ciphertext and the name; keys by KDFa, which is SP 800-108 in counter mode.</summary>
    private static byte[] Wrap(Secret seed, ReadOnlySpan<byte> name, ReadOnlySpan<byte> secret)
    {
        var length = sizeof(ushort) + secret.Length;
        using var plain = new Secret((length + 15) / 16 * 16); // TPM2B; CFB is a stream: encrypt whole blocks, keep what is needed
        BinaryPrimitives.WriteUInt16BigEndian(plain.Span, (ushort)secret.Length);
        secret.CopyTo(plain.Span[sizeof(ushort)..]);
        using var storage = new Secret(16);
        using var integrity = new Secret(32);
        SP800108HmacCounterKdf.DeriveBytes(seed.Span, HashAlgorithmName.SHA256, "STORAGE"u8, name, storage.Span);
        SP800108HmacCounterKdf.DeriveBytes(seed.Span, HashAlgorithmName.SHA256, "INTEGRITY"u8, default, integrity.Span);
        using var aes = Aes.Create();
        aes.SetKey(storage.Span);
        var encrypted = aes.EncryptCfb(plain.Span, new byte[16], PaddingMode.None, feedbackSizeInBits: 128).AsSpan(0, length);
        var mac = HMACSHA256.HashData(integrity.Span, [.. encrypted, .. name]);
        return new ByteWriter().Sized16(new ByteWriter().Sized16(mac).Bytes(encrypted).Written).ToArray();
    }
}
