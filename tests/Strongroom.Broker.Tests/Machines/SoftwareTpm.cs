using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Tests.Attestation;

namespace Strongroom.Broker.Tests.Machines;

/// <summary>The test maker's TPM as a broker meets it: an endorsement key with a certificate, credentials opened, quotes for real transcripts.</summary>
internal sealed class SoftwareTpm : IDisposable
{
    private readonly RSA endorsement = RSA.Create(2048);
    private readonly TestTpm tpm = new();

    public SoftwareTpm(TestMaker maker, Action<CertificateRequest>? change = null) => Certificates = [maker.Certify(endorsement, change), maker.Intermediate];

    public IReadOnlyList<ReadOnlyMemory<byte>> Certificates { get; set; }

    public EnrolledMachine Machine => tpm.Machine;

    public byte[] AttestationKey => tpm.Key.ToBytes();

    /// <summary>As the TPM claims it; all of it is in the event log.</summary>
    public Dictionary<string, string> Claims => tpm.Values().Where(value => value.Key < 8).ToDictionary(value => $"pcr{value.Key}", value => value.Value.ToString());

    public Digest Measurement => Measured.Digest();

    public Measurement Measured => Attestation.Measurement.From("tpm", Claims);

    /// <summary>TPM2_ActivateCredential in software (TPM 2.0 part 1, section 24), for this TPM's keys.</summary>
    public byte[] Activate(ReadOnlySpan<byte> credential)
    {
        var size = BinaryPrimitives.ReadUInt16BigEndian(credential);
        var identity = credential.Slice(2, size);
        var seed = RsaOaep.Decrypt(endorsement, credential[(4 + size)..].ToArray());
        var mac = identity.Slice(2, 32);
        var encrypted = identity[34..].ToArray();
        byte[] keys = [.. Kdf(seed, "STORAGE"u8, tpm.Key.Name(), 16), .. Kdf(seed, "INTEGRITY"u8, [], 32)];
        if (!HMACSHA256.HashData(keys.AsSpan(16), [.. encrypted, .. tpm.Key.Name()]).AsSpan().SequenceEqual(mac)) throw new CryptographicException("the credential is for another key");
        using var aes = Aes.Create();
        aes.SetKey(keys.AsSpan(0, 16));
        var padded = new byte[48];
        encrypted.CopyTo(padded, 0);
        return aes.DecryptCfb(padded, new byte[16], PaddingMode.None, 128)[2..34];
    }

    public byte[] Evidence(Transcript transcript)
    {
        tpm.Starts[0] = EnclaveStart.Of(transcript.HpkeKey, transcript.Configuration);
        return tpm.Evidence(quote => quote with { ExtraData = transcript.Digest().Span.ToArray() }).ToBytes();
    }

    public void Dispose()
    {
        endorsement.Dispose();
        tpm.Dispose();
    }

    private static byte[] Kdf(byte[] seed, ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, int length) =>
        SP800108HmacCounterKdf.DeriveBytes(seed, HashAlgorithmName.SHA256, label, context, length);

    /// <summary>OAEP with SHA-256 and the label IDENTITY (annex B.10.3), which .NET's RSA cannot take: RFC 8017 section 7.1.2 by hand.</summary>
    private static class RsaOaep
    {
        private const int HashSize = 32;

        public static byte[] Decrypt(RSA key, byte[] ciphertext)
        {
            var parameters = key.ExportParameters(true);
            var message = System.Numerics.BigInteger.ModPow(Integer(ciphertext), Integer(parameters.D!), Integer(parameters.Modulus!));
            var block = new byte[ciphertext.Length];
            var bytes = message.ToByteArray(isUnsigned: true, isBigEndian: true);
            bytes.CopyTo(block, block.Length - bytes.Length);
            var (seed, data) = (block[1..(1 + HashSize)], block[(1 + HashSize)..]);
            Mask(seed, data);
            Mask(data, seed);
            if (!data.AsSpan(0, HashSize).SequenceEqual(SHA256.HashData("IDENTITY\0"u8))) throw new CryptographicException("another label");
            return data[(Array.IndexOf(data, (byte)1, HashSize) + 1)..];
        }

        private static System.Numerics.BigInteger Integer(byte[] bytes) => new(bytes, isUnsigned: true, isBigEndian: true);

        private static void Mask(byte[] target, byte[] seed)
        {
            for (var counter = 0; counter * HashSize < target.Length; counter++)
            {
                var block = SHA256.HashData([.. seed, 0, 0, 0, (byte)counter]);
                for (var i = 0; i < HashSize && (counter * HashSize) + i < target.Length; i++) target[(counter * HashSize) + i] ^= block[i];
            }
        }
    }
}
