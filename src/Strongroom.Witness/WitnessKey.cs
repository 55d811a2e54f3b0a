using System.Buffers.Text;
using System.Text;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Ledger;

namespace Strongroom.Witness;

/// <summary>
/// The witness's signing key in a file: <c>PRIVATE+KEY+name+hex(key id)+base64(0x04 || seed)</c> and a newline, the form that other signers of
/// notes use too (spec/ledger.md, "Witness key").
/// </summary>
internal sealed class WitnessKey : IDisposable
{
    private const string Prefix = "PRIVATE+KEY+";
    private const int MaxSizeInBytes = 1024;
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    private readonly Ed25519PrivateKey key;

    private WitnessKey(Ed25519PrivateKey key, string name) => (this.key, Cosigner) = (key, new(key, name));

    public Cosigner Cosigner { get; }

    /// <exception cref="MalformedException">The name cannot be a key's.</exception>
    /// <exception cref="IOException">The file exists already, or cannot be written.</exception>
    public static VerifierKey Create(string path, string name)
    {
        using var seed = Secret.Random(1 + Ed25519PrivateKey.SeedSizeInBytes);
        seed.Span[0] = (byte)NoteAlgorithm.Cosignature;
        using var key = new WitnessKey(Ed25519PrivateKey.FromSeed(seed.Span[1..]), name);
        using var text = new Secret(Base64.GetMaxEncodedToUtf8Length(seed.Length));
        Base64.EncodeToUtf8(seed.Span, text.Span, out _, out _);
        using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            BufferSize = 0, // no copy of the key in a buffer that nobody wipes
        });
        file.Write(Encoding.UTF8.GetBytes(Prefix + Label(key.Cosigner.Verifier)));
        file.Write(text.Span);
        file.Write("\n"u8);
        file.Flush(flushToDisk: true);
        return key.Cosigner.Verifier;
    }

    /// <exception cref="MalformedException">No key of a witness.</exception>
    /// <exception cref="RefusedException">Others may read or write the file.</exception>
    public static WitnessKey Open(string path)
    {
        using var file = new FileStream(path, new FileStreamOptions { BufferSize = 0 });
        if ((File.GetUnixFileMode(file.SafeFileHandle) & Others) != 0) throw new RefusedException($"others may read or write {path}: chmod 600 it, and make another key if they did");
        if (!file.CanSeek || file.Length is 0 or > MaxSizeInBytes) throw new MalformedException(-1, $"{path} is no witness key");
        using var text = new Secret((int)file.Length);
        file.ReadExactly(text.Span);
        return Parse(text.Span);
    }

    public void Dispose() => key.Dispose();

    private static WitnessKey Parse(ReadOnlySpan<byte> text)
    {
        var (parts, end) = (0, 0);
        for (; end < text.Length && parts < 4; end++) parts += text[end] == '+' ? 1 : 0;
        using var seed = new Secret(MaxSizeInBytes);
        if (parts != 4 || text[^1] != '\n' || Base64.DecodeFromUtf8(text[end..^1], seed.Span, out _, out var length) != System.Buffers.OperationStatus.Done
            || length != 1 + Ed25519PrivateKey.SeedSizeInBytes || seed.Span[0] != (byte)NoteAlgorithm.Cosignature)
            throw new MalformedException(-1, "not a witness key: make one with `strongroom witness key create`");
        var label = Encoding.UTF8.GetString(text[..end]);
        var key = new WitnessKey(Ed25519PrivateKey.FromSeed(seed.Span[1..length]), label.Split('+')[2]);
        return label == Prefix + Label(key.Cosigner.Verifier) ? key : throw new MalformedException(-1, "the key id in the witness key is not that of its key");
    }

    private static string Label(VerifierKey key) => $"{key.Name}+{key.KeyId:x8}+";
}
