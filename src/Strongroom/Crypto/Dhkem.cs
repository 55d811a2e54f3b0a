using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Crypto;

/// <summary>The Diffie-Hellman KEMs of RFC 9180 section 7.1 with HKDF-SHA256: shared secret 32 bytes, private key 32 bytes.</summary>
internal abstract unsafe class Dhkem
{
    internal const int SecretSizeInBytes = 32;

    internal static readonly Dhkem X25519 = new Curve25519();
    internal static readonly Dhkem P256 = new NistP256();

    /// <summary>Registry: name, section 7.1.</summary>
    internal static Dhkem Named(string name) => name switch
    {
        "x25519" => X25519, // DHKEM(X25519, HKDF-SHA256), 0x0020
        "p256" => P256, // DHKEM(P-256, HKDF-SHA256), 0x0010
        _ => throw new MalformedException(-1, $"no key of kind '{name}' is known: x25519 or p256"),
    };

    internal abstract string Name { get; }

    internal abstract ushort Id { get; }

    internal abstract int PublicKeySizeInBytes { get; }

    private byte[] SuiteId => [.. "KEM"u8, (byte)(Id >> 8), (byte)Id];

    /// <summary>Section 7.1.3, DeriveKeyPair.</summary>
    internal abstract Secret DeriveKey(ReadOnlySpan<byte> seed);

    /// <summary>A libcrypto key, or 0 when the bytes are none; for P-256 a scalar from 1 to n - 1.</summary>
    internal abstract nint LoadPrivate(ReadOnlySpan<byte> bytes);

    /// <summary>A libcrypto key, or 0 when the bytes are no point of the curve.</summary>
    internal abstract nint LoadPublic(ReadOnlySpan<byte> bytes);

    internal abstract byte[] PublicBytes(nint key);

    /// <summary>Section 4.1, Encap with the ephemeral key handed in.</summary>
    /// <exception cref="MalformedException">The recipient's key is no point of the curve, or one of small order.</exception>
    internal Secret Encapsulate(HpkePublicKey to, HpkePrivateKey ephemeral)
    {
        var peer = LoadPublic(to.Span);
        try
        {
            using var agreed = Agree(ephemeral.Handle, peer) ?? throw new MalformedException(-1, $"not a usable {Name} public key");
            return ExtractAndExpand(agreed, [.. ephemeral.PublicKey.Span, .. to.Span]);
        }
        finally
        {
            Libcrypto.EVP_PKEY_free(peer);
        }
    }

    /// <summary>Section 4.1, Decap.</summary>
    /// <exception cref="AuthenticationTagMismatchException">The encapsulated key is no point of the curve, or one of small order.</exception>
    internal Secret Decapsulate(HpkePrivateKey key, ReadOnlySpan<byte> encapsulated)
    {
        var peer = LoadPublic(encapsulated);
        try
        {
            using var agreed = Agree(key.Handle, peer) ?? throw new AuthenticationTagMismatchException("the encapsulated key was changed");
            return ExtractAndExpand(agreed, [.. encapsulated, .. key.PublicKey.Span]);
        }
        finally
        {
            Libcrypto.EVP_PKEY_free(peer);
        }
    }

    /// <summary>The bare Diffie-Hellman function, for published vectors; null where it is refused.</summary>
    internal Secret? DiffieHellman(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey)
    {
        var (key, peer) = (LoadPrivate(privateKey), LoadPublic(publicKey));
        try
        {
            return Agree(Libcrypto.Require(key), peer);
        }
        finally
        {
            Libcrypto.EVP_PKEY_free(key);
            Libcrypto.EVP_PKEY_free(peer);
        }
    }

    /// <summary>Section 4, LabeledExtract with an empty salt, then LabeledExpand, in the KEM's suite.</summary>
    protected Secret LabeledExtract(string label, ReadOnlySpan<byte> inputKey) => HpkeLabels.Extract(SuiteId, [], label, inputKey);

    protected Secret LabeledExpand(Secret key, string label, ReadOnlySpan<byte> info, int length) => HpkeLabels.Expand(SuiteId, key, label, info, length);

    /// <summary>The shared x-coordinate; null when libcrypto refuses the peer (RFC 9180 section 7.1.4).</summary>
    private static Secret? Agree(nint key, nint peer)
    {
        if (peer == 0)
        {
            Libcrypto.ERR_clear_error();
            return null;
        }
        var context = Libcrypto.Require(Libcrypto.EVP_PKEY_CTX_new(key, 0));
        var agreed = new Secret(SecretSizeInBytes);
        try
        {
            var length = (nuint)SecretSizeInBytes;
            fixed (byte* s = agreed.Span)
            {
                if (Libcrypto.EVP_PKEY_derive_init(context) == 1
                    && Libcrypto.EVP_PKEY_derive_set_peer(context, peer) == 1
                    && Libcrypto.EVP_PKEY_derive(context, s, &length) == 1
                    && length == SecretSizeInBytes) return agreed;
            }
            agreed.Dispose();
            Libcrypto.ERR_clear_error();
            return null;
        }
        finally
        {
            Libcrypto.EVP_PKEY_CTX_free(context);
        }
    }

    private Secret ExtractAndExpand(Secret agreed, ReadOnlySpan<byte> context)
    {
        using var key = LabeledExtract("eae_prk", agreed.Span);
        return LabeledExpand(key, "shared_secret", context, SecretSizeInBytes);
    }

    private sealed class Curve25519 : Dhkem
    {
        internal override string Name => "x25519";

        internal override ushort Id => 0x0020;

        internal override int PublicKeySizeInBytes => 32;

        internal override Secret DeriveKey(ReadOnlySpan<byte> seed)
        {
            using var key = LabeledExtract("dkp_prk", seed);
            return LabeledExpand(key, "sk", [], 32);
        }

        internal override nint LoadPrivate(ReadOnlySpan<byte> bytes)
        {
            if (bytes.Length != 32) return 0;
            fixed (byte* b = bytes) return Libcrypto.EVP_PKEY_new_raw_private_key(Libcrypto.X25519, 0, b, 32);
        }

        internal override nint LoadPublic(ReadOnlySpan<byte> bytes)
        {
            if (bytes.Length != 32) return 0;
            fixed (byte* b = bytes) return Libcrypto.EVP_PKEY_new_raw_public_key(Libcrypto.X25519, 0, b, 32);
        }

        internal override byte[] PublicBytes(nint key)
        {
            var bytes = new byte[32];
            var length = (nuint)bytes.Length;
            fixed (byte* b = bytes) Libcrypto.Require(Libcrypto.EVP_PKEY_get_raw_public_key(key, b, &length));
            return bytes;
        }
    }

    private sealed class NistP256 : Dhkem
    {
        private static readonly byte[] Order = Convert.FromHexString("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");

        // DER around the 32 bytes of a private key (RFC 5915) and the 65 of an uncompressed point (RFC 5480): the sizes never vary
        private static readonly byte[] PrivatePrefix = Convert.FromHexString("30310201010420");
        private static readonly byte[] PrivateSuffix = Convert.FromHexString("A00A06082A8648CE3D030107");
        private static readonly byte[] PublicPrefix = Convert.FromHexString("3059301306072A8648CE3D020106082A8648CE3D030107034200");

        internal override string Name => "p256";

        internal override ushort Id => 0x0010;

        internal override int PublicKeySizeInBytes => 65;

        internal override Secret DeriveKey(ReadOnlySpan<byte> seed)
        {
            using var key = LabeledExtract("dkp_prk", seed);
            for (var counter = 0; counter < 256; counter++)
            {
                var candidate = LabeledExpand(key, "candidate", [(byte)counter], 32); // the bitmask for P-256 is 0xff
                if (IsScalar(candidate.Span)) return candidate;
                candidate.Dispose();
            }
            throw new CryptographicException("DeriveKeyPair found no key in 256 tries"); // probability 2^-8192
        }

        internal override nint LoadPrivate(ReadOnlySpan<byte> bytes)
        {
            if (bytes.Length != 32 || !IsScalar(bytes)) return 0;
            using var der = new Secret(PrivatePrefix.Length + 32 + PrivateSuffix.Length);
            PrivatePrefix.CopyTo(der.Span);
            bytes.CopyTo(der.Span[PrivatePrefix.Length..]);
            PrivateSuffix.CopyTo(der.Span[(PrivatePrefix.Length + 32)..]);
            fixed (byte* d = der.Span)
            {
                var at = d;
                return Libcrypto.d2i_PrivateKey(Libcrypto.Ec, null, &at, der.Length);
            }
        }

        internal override nint LoadPublic(ReadOnlySpan<byte> bytes)
        {
            if (bytes.Length != 65 || bytes[0] != 4) return 0; // uncompressed only: RFC 9180 section 7.1.1
            byte[] der = [.. PublicPrefix, .. bytes];
            fixed (byte* d = der)
            {
                var at = d;
                return Libcrypto.d2i_PUBKEY(null, &at, der.Length);
            }
        }

        internal override byte[] PublicBytes(nint key)
        {
            var der = new byte[PublicPrefix.Length + 65];
            fixed (byte* d = der)
            {
                var at = d;
                if (Libcrypto.i2d_PUBKEY(key, null) != der.Length || Libcrypto.i2d_PUBKEY(key, &at) != der.Length) throw new CryptographicException("not an uncompressed P-256 point");
            }
            return der[PublicPrefix.Length..];
        }

        private static bool IsScalar(ReadOnlySpan<byte> bytes) => bytes.SequenceCompareTo(Order) < 0 && bytes.ContainsAnyExcept((byte)0);
    }
}

/// <summary>RFC 9180 section 4: LabeledExtract and LabeledExpand.</summary>
internal static class HpkeLabels
{
    internal static Secret Extract(ReadOnlySpan<byte> suite, ReadOnlySpan<byte> salt, string label, ReadOnlySpan<byte> inputKey)
    {
        var prefix = Encoding.ASCII.GetBytes("HPKE-v1");
        var name = Encoding.ASCII.GetBytes(label);
        using var labeled = new Secret(prefix.Length + suite.Length + name.Length + inputKey.Length);
        prefix.CopyTo(labeled.Span);
        suite.CopyTo(labeled.Span[prefix.Length..]);
        name.CopyTo(labeled.Span[(prefix.Length + suite.Length)..]);
        inputKey.CopyTo(labeled.Span[(prefix.Length + suite.Length + name.Length)..]);
        var key = new Secret(32);
        Hkdf.Extract(HashAlgorithmName.SHA256, salt, labeled.Span, key.Span);
        return key;
    }

    internal static Secret Expand(ReadOnlySpan<byte> suite, Secret key, string label, ReadOnlySpan<byte> info, int length)
    {
        Span<byte> size = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(size, checked((ushort)length));
        byte[] labeled = [.. size, .. "HPKE-v1"u8, .. suite, .. Encoding.ASCII.GetBytes(label), .. info];
        var output = new Secret(length);
        Hkdf.Expand(HashAlgorithmName.SHA256, key.Span, labeled, output.Span);
        return output;
    }
}
