using System.Security.Cryptography;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Tpm;

/// <summary>TPM_ALG_ID, as far as we know what they mean (TCG Algorithm Registry, section 6). A number that is not here is refused where it is read.</summary>
public enum TpmAlgorithm : ushort
{
    Rsa = 0x0001,
    Sha1 = 0x0004,
    Aes = 0x0006,
    Sha256 = 0x000B,
    Sha384 = 0x000C,
    Sha512 = 0x000D,
    Null = 0x0010,
    RsaSsa = 0x0014,
    RsaPss = 0x0016,
    EcDsa = 0x0018,
    Ecc = 0x0023,
    Cfb = 0x0043,
}

internal static class TpmHash
{
    /// <summary>SHA-256, SHA-384 and SHA-512; SHA-1 is no hash here.</summary>
    internal static bool IsStrong(this TpmAlgorithm hash) => hash is TpmAlgorithm.Sha256 or TpmAlgorithm.Sha384 or TpmAlgorithm.Sha512;

    internal static HashAlgorithmName Name(this TpmAlgorithm hash) => hash switch
    {
        TpmAlgorithm.Sha256 => HashAlgorithmName.SHA256,
        TpmAlgorithm.Sha384 => HashAlgorithmName.SHA384,
        TpmAlgorithm.Sha512 => HashAlgorithmName.SHA512,
        _ => throw new ArgumentOutOfRangeException(nameof(hash)),
    };

    internal static byte[] Hash(this TpmAlgorithm hash, ReadOnlySpan<byte> data) => CryptographicOperations.HashData(hash.Name(), data);

    /// <exception cref="MalformedException">Any other algorithm.</exception>
    internal static TpmAlgorithm ReadHash(ref ByteReader reader, string what)
    {
        var hash = (TpmAlgorithm)reader.U16(what);
        return hash.IsStrong() ? hash : throw new MalformedException(reader.Offset, $"{what} is algorithm {(ushort)hash:x4}, not SHA-256, SHA-384 or SHA-512");
    }
}
