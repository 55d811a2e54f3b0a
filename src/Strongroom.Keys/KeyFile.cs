using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Keys;

/// <summary>
/// 32 secret bytes in a file of three lines (spec/key-files.md): what the key is for, how it is protected, the bytes in base64. Sealed by a passphrase
/// through scrypt, or by nothing. The bytes go from the file to a <see cref="Secret"/> without touching the collected heap.
/// </summary>
public sealed class KeyFile : IDisposable
{
    public const int KeySizeInBytes = 32;

    private const int LogN = 17; // 128 MiB for an instant: what RFC 7914 calls sensitive storage, paid once for each start
    private const int BlockSize = 8;
    private const int Parallelisation = 1;
    private const int SaltSize = 16;
    private const int MaxFileBytes = 1024;

    private KeyFile(Secret key, bool isProtected) => (Key, IsProtected) = (key, isProtected);

    public Secret Key { get; }

    /// <summary>False when the file alone gives the key away.</summary>
    public bool IsProtected { get; }

    /// <summary>32 hexadecimal digits that name the key and say nothing about it: HKDF-Expand-SHA256(key, "strongroom/key-id/v1"), 16 bytes.</summary>
    public string Id
    {
        get
        {
            Span<byte> id = stackalloc byte[16];
            Hkdf.Expand(HashAlgorithmName.SHA256, Key.Span, "strongroom/key-id/v1"u8, id);
            return Convert.ToHexStringLower(id);
        }
    }

    /// <summary>Writes a new file that only its owner may read; never over an old one.</summary>
    /// <param name="path">Must not exist.</param>
    /// <param name="purpose">One word: custody, publisher, ...</param>
    /// <param name="key">32 bytes.</param>
    /// <param name="passphrase">Null to leave the key unprotected, which the caller's user must have asked for by its dangerous name.</param>
    /// <exception cref="IOException">The file exists.</exception>
    public static void Write(string path, string purpose, Secret key, Secret? passphrase)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (key.Length != KeySizeInBytes) throw new ArgumentException("a key has 32 bytes", nameof(key));
        var salt = RandomNumberGenerator.GetBytes(SaltSize);
        var head = Head(purpose, passphrase is null ? "danger-unprotected" : $"scrypt {LogN} {BlockSize} {Parallelisation} {Convert.ToBase64String(salt)}");
        using var body = new Secret(passphrase is null ? KeySizeInBytes : KeySizeInBytes + Aes256Gcm.TagSizeInBytes);
        if (passphrase is null) key.Span.CopyTo(body.Span);
        else using (var cipher = Cipher(passphrase, salt, LogN, BlockSize, Parallelisation, head)) cipher.Encrypt(new byte[Aes256Gcm.NonceSizeInBytes], key.Span, body.Span);

        using var text = new Secret(Base64.GetMaxEncodedToUtf8Length(body.Length));
        Base64.EncodeToUtf8(body.Span, text.Span, out _, out _);
        using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        file.Write(head);
        file.Write(text.Span);
        file.Write("\n"u8);
        file.Flush(flushToDisk: true);
    }

    /// <param name="path">The file.</param>
    /// <param name="purpose">What the key must be for.</param>
    /// <param name="passphrase">Asked only when the file is protected; what it returns is wiped here.</param>
    /// <exception cref="MalformedException">Not a key file, or one for another purpose.</exception>
    /// <exception cref="AuthenticationTagMismatchException">Wrong passphrase, or the file was changed.</exception>
    /// <exception cref="RefusedException">Others may read or write the file, or it is protected and there is nobody to ask.</exception>
    public static KeyFile Read(string path, string purpose, Func<Secret>? passphrase)
    {
        using var bytes = ReadAll(path);
        try
        {
            return Parse(bytes.Span, purpose, passphrase);
        }
        catch (MalformedException e)
        {
            throw new MalformedException(-1, $"{path}: {e.Message}");
        }
    }

    /// <summary>What the key in a file is for, without opening it.</summary>
    /// <exception cref="MalformedException">Not a key file.</exception>
    /// <exception cref="RefusedException">Others may read or write the file.</exception>
    public static string PurposeOf(string path)
    {
        using var bytes = ReadAll(path);
        var end = bytes.Span.IndexOf((byte)'\n');
        var line = Encoding.ASCII.GetString(bytes.Span[..Math.Max(0, end)]).Split(' ');
        return line is ["strongroom", var purpose, "key", "v1"] ? purpose : throw new MalformedException(0, $"{path}: not a key file");
    }

    public void Dispose() => Key.Dispose();

    private static Secret ReadAll(string path)
    {
        using var file = SecretFile.Open(path);
        if (!file.CanSeek || file.Length is 0 or > MaxFileBytes) throw NotOne();
        var bytes = new Secret((int)file.Length);
        try
        {
            file.ReadExactly(bytes.Span);
            if (!bytes.Span.StartsWith("strongroom "u8)) throw NotOne(); // first: who names a wrong file is not told to change its mode
            SecretFile.RequirePrivate(file, path);
            return bytes;
        }
        catch
        {
            bytes.Dispose();
            throw;
        }

        MalformedException NotOne() => new(0, $"{path}: not a key file");
    }

    private static KeyFile Parse(ReadOnlySpan<byte> bytes, string purpose, Func<Secret>? passphrase)
    {
        var first = bytes.IndexOf((byte)'\n');
        var second = first + 1 + bytes[(first + 1)..].IndexOf((byte)'\n');
        if (first < 0 || second <= first || second == bytes.Length - 1 || bytes[^1] != '\n') throw new MalformedException(0, "a key file has three lines");
        var head = bytes[..(second + 1)];
        var protection = Encoding.ASCII.GetString(bytes[(first + 1)..second]);
        if (!head.SequenceEqual(Head(purpose, protection))) throw new MalformedException(0, $"not a {purpose} key");
        var text = bytes[(second + 1)..^1];
        return protection.Split(' ') switch
        {
            ["danger-unprotected"] => new(Decode(text, KeySizeInBytes), isProtected: false),
            ["scrypt", var logN, var r, var p, var salt] => new(Unprotect(text, head, Small(logN), Small(r), Small(p), salt, passphrase), isProtected: true),
            _ => throw new MalformedException(first + 1, "its protection is unknown: scrypt or danger-unprotected"),
        };
    }

    private static Secret Unprotect(ReadOnlySpan<byte> text, ReadOnlySpan<byte> head, int logN, int r, int p, string salt, Func<Secret>? passphrase)
    {
        if (logN is < 10 or > 20 || r is < 1 or > 32 || p is < 1 or > 16) throw new MalformedException(-1, "scrypt parameters out of range");
        using var sealedSalt = Decode(Encoding.ASCII.GetBytes(salt), SaltSize);
        using var body = Decode(text, KeySizeInBytes + Aes256Gcm.TagSizeInBytes);
        using var phrase = passphrase?.Invoke() ?? throw new RefusedException("the key is protected by a passphrase and there is nobody to ask");
        using var cipher = Cipher(phrase, sealedSalt.Span, logN, r, p, head);
        var key = new Secret(KeySizeInBytes);
        if (cipher.TryDecrypt(stackalloc byte[Aes256Gcm.NonceSizeInBytes], body.Span, key.Span)) return key;
        key.Dispose();
        throw new AuthenticationTagMismatchException("wrong passphrase, or the key file was changed");
    }

    /// <summary>The salt makes this AES key one of a kind, so its only nonce is zero; the two lines above the key are bound through HKDF's info.</summary>
    private static Aes256Gcm Cipher(Secret passphrase, ReadOnlySpan<byte> salt, int logN, int r, int p, ReadOnlySpan<byte> head)
    {
        using var slow = Scrypt.Derive(passphrase.Span, salt, logN, r, p, 32);
        using var key = new Secret(Aes256Gcm.KeySizeInBytes);
        Hkdf.Expand(HashAlgorithmName.SHA256, slow.Span, head, key.Span);
        return new(key.Span);
    }

    private static byte[] Head(string purpose, string protection) => Encoding.ASCII.GetBytes($"strongroom {purpose} key v1\n{protection}\n");

    private static Secret Decode(ReadOnlySpan<byte> base64, int length)
    {
        var key = new Secret(length);
        using var again = new Secret(Base64.GetMaxEncodedToUtf8Length(length));
        if (base64.Length == again.Length
            && Base64.DecodeFromUtf8(base64, key.Span, out _, out var written) == OperationStatus.Done && written == length
            && Base64.EncodeToUtf8(key.Span, again.Span, out _, out _) == OperationStatus.Done && again.Span.SequenceEqual(base64)) return key;
        key.Dispose();
        throw new MalformedException(-1, $"the last line is not {length} bytes in base64");
    }

    private static int Small(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value.ToString(CultureInfo.InvariantCulture) == text ? value : throw new MalformedException(-1, "scrypt parameters are small integers");
}
