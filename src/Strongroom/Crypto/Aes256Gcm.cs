using System.Security.Cryptography;

namespace Strongroom.Crypto;

/// <summary>
/// AES-256-GCM (NIST SP 800-38D), nonce 12 bytes, tag 16, under one key whose schedule is computed once: a call costs about a quarter of what
/// the framework's <see cref="AesGcm"/> costs, which matters when a model is millions of small chunks.
/// </summary>
/// <remarks>One thread at a time. The schedule lives in libcrypto's context and is wiped with it.</remarks>
public sealed unsafe class Aes256Gcm : IDisposable
{
    public const int KeySizeInBytes = 32;
    public const int NonceSizeInBytes = 12;
    public const int TagSizeInBytes = 16;

    private nint context;

    /// <exception cref="ArgumentException">The key does not have 32 bytes.</exception>
    public Aes256Gcm(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeySizeInBytes) throw new ArgumentException("an AES-256 key has 32 bytes", nameof(key));
        context = Libcrypto.Require(Libcrypto.EVP_CIPHER_CTX_new());
        fixed (byte* k = key) Libcrypto.Require(Libcrypto.EVP_CipherInit_ex(context, Libcrypto.EVP_aes_256_gcm(), 0, k, null, 1));
    }

    ~Aes256Gcm() => Free();

    /// <summary>Writes ciphertext || tag.</summary>
    /// <param name="nonce">12 bytes, never twice under one key.</param>
    /// <param name="plaintext">May be empty; may not overlap <paramref name="output"/>.</param>
    /// <param name="output">Exactly 16 bytes longer than <paramref name="plaintext"/>.</param>
    public void Encrypt(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, Span<byte> output)
    {
        if (output.Length != plaintext.Length + TagSizeInBytes) throw new ArgumentException("ciphertext || tag", nameof(output));
        fixed (byte* o = output)
        {
            Start(nonce, encrypt: 1);
            Update(plaintext, o);
            int none;
            Libcrypto.Require(Libcrypto.EVP_CipherFinal_ex(context, o, &none));
            Libcrypto.Require(Libcrypto.EVP_CIPHER_CTX_ctrl(context, Libcrypto.AeadGetTag, TagSizeInBytes, o + plaintext.Length));
        }
    }

    /// <summary>Reads ciphertext || tag. On false the output is zeros: nothing unauthenticated is handed out.</summary>
    /// <param name="nonce">12 bytes.</param>
    /// <param name="input">Ciphertext || tag.</param>
    /// <param name="plaintext">Exactly 16 bytes shorter than <paramref name="input"/>.</param>
    public bool TryDecrypt(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> input, Span<byte> plaintext)
    {
        if (input.Length != plaintext.Length + TagSizeInBytes) throw new ArgumentException("ciphertext || tag", nameof(input));
        fixed (byte* i = input, p = plaintext)
        {
            Start(nonce, encrypt: 0);
            Libcrypto.Require(Libcrypto.EVP_CIPHER_CTX_ctrl(context, Libcrypto.AeadSetTag, TagSizeInBytes, i + plaintext.Length));
            Update(input[..plaintext.Length], p);
            byte unused;
            int none;
            if (Libcrypto.EVP_CipherFinal_ex(context, p is null ? &unused : p, &none) == 1) return true;
        }
        CryptographicOperations.ZeroMemory(plaintext);
        Libcrypto.ERR_clear_error();
        return false;
    }

    /// <exception cref="AuthenticationTagMismatchException">Key, nonce, ciphertext or tag are not those of the encryption.</exception>
    public void Decrypt(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> input, Span<byte> plaintext)
    {
        if (!TryDecrypt(nonce, input, plaintext)) throw new AuthenticationTagMismatchException("the ciphertext was changed, or this is not its key");
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Start(ReadOnlySpan<byte> nonce, int encrypt)
    {
        ObjectDisposedException.ThrowIf(context == 0, this);
        if (nonce.Length != NonceSizeInBytes) throw new ArgumentException("a nonce has 12 bytes", nameof(nonce));
        fixed (byte* n = nonce) Libcrypto.Require(Libcrypto.EVP_CipherInit_ex(context, 0, 0, null, n, encrypt));
    }

    private void Update(ReadOnlySpan<byte> input, byte* output)
    {
        if (input.IsEmpty) return;
        int written;
        fixed (byte* i = input) Libcrypto.Require(Libcrypto.EVP_CipherUpdate(context, output, &written, i, input.Length));
        if (written != input.Length) throw new CryptographicException("libcrypto wrote less than it read");
    }

    private void Free()
    {
        Libcrypto.EVP_CIPHER_CTX_free(context);
        context = 0;
    }
}
