using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Enclave.Loader;

/// <summary>Evidence by a key in a file. It proves nothing about a machine; only --danger-development-evidence asks for it.</summary>
/// <param name="key">Enrolled as the machine's attestation key.</param>
public sealed class DevelopmentMachine(Ed25519PrivateKey key) : Machine, IDisposable
{
    private readonly List<EnclaveStart> starts = [];

    /// <summary>What it says that it measured.</summary>
    public static IReadOnlyDictionary<string, string> Claims { get; } = new Dictionary<string, string> { ["measured"] = "nothing" };

    public override string Id { get; } = EnrolledMachine.IdOf(key.PublicKey.Span);

    public override DangerousEvidence Allowed => DangerousEvidence.Development;

    public Ed25519PublicKey Key => key.PublicKey;

    /// <param name="path">An Ed25519 seed, 32 bytes in base64.</param>
    /// <exception cref="MalformedException">The file holds anything else.</exception>
    public static DevelopmentMachine Open(string path)
    {
        Span<byte> seed = stackalloc byte[Ed25519PrivateKey.SeedSizeInBytes];
        if (!Convert.TryFromBase64String(File.ReadAllText(path).Trim(), seed, out var length) || length != seed.Length)
            throw new MalformedException(-1, $"{path} holds no development key: 32 bytes in base64");
        var key = Ed25519PrivateKey.FromSeed(seed);
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(seed);
        return new(key);
    }

    /// <summary>As <see cref="Open"/>, after making the file if there is none.</summary>
    public static DevelopmentMachine OpenOrCreate(string path)
    {
        if (File.Exists(path)) return Open(path);
        using (var file = new StreamWriter(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            file.WriteLine(Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(Ed25519PrivateKey.SeedSizeInBytes)));
        return Open(path);
    }

    public override byte[] Attest(EnclaveStart start, Digest transcript, IReadOnlyList<int> pcrs, int applicationPcr)
    {
        if (!starts.Contains(start)) starts.Add(start);
        return DevelopmentEvidence.Sign(key, transcript, Claims, starts);
    }

    public void Dispose() => key.Dispose();
}
