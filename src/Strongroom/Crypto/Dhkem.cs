using System.Security.Cryptography;
using Strongroom.Bytes;

namespace Strongroom.Crypto;

/// <summary>The Diffie-Hellman KEMs of RFC 9180 section 7.1 with HKDF-SHA256: shared secret 32 bytes, private key 32 bytes.</summary>
internal abstract unsafe class Dhkem
{
    internal const int SecretSizeInBytes = 32;

    internal static readonly Dhkem X25519 = new DhkemX25519();
    internal static readonly Dhkem P256 = new DhkemP256();

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

    /// <summary>Why bytes that libcrypto takes are nobody's key; null if they may be one.</summary>
    internal virtual string? Fault(ReadOnlySpan<byte> publicKey) => null;

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
}
