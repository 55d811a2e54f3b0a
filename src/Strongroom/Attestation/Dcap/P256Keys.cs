using System.Security.Cryptography;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>
/// Public keys of P-256, imported once: checking that a key is a point of the curve takes twice as long as verifying with it, and a platform signs many quotes with the same
/// two keys. Remembering a key says nothing for it.
/// </summary>
internal sealed class P256Keys
{
    private const int MaxRemembered = 10_000;

    private readonly Remembered<Digest, ECDsa> keys = new(MaxRemembered);

    /// <summary>ECDSA with SHA-256; r and s of 32 bytes each. False also where the key is no point of the curve.</summary>
    public bool IsSigned(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature, ECPoint key)
    {
        try
        {
            var ecdsa = Key(key);
            lock (ecdsa) // it promises nothing to several threads
            {
                return ecdsa.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
            }
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private ECDsa Key(ECPoint key)
    {
        var name = Digest.Of([.. key.X!, .. key.Y!]);
        return keys.TryGet(name, out var known) ? known : keys.Add(name, ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = key }));
    }
}
