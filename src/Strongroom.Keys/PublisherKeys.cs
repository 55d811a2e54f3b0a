using System.Text;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Keys;

/// <summary>A publisher's signing key in a <see cref="KeyFile"/>, and its public half: one line of base64 beside it, in <c>.pub</c>.</summary>
public static class PublisherKeys
{
    public const string Purpose = "publisher";
    public const string PublicExtension = ".pub";

    /// <exception cref="MalformedException">Not a publisher's key.</exception>
    public static Ed25519PrivateKey Open(string path, Func<Secret>? passphrase)
    {
        using var file = KeyFile.Read(path, Purpose, passphrase);
        return Ed25519PrivateKey.FromSeed(file.Key.Span);
    }

    /// <summary>Makes a key, PATH and PATH.pub.</summary>
    public static Ed25519PublicKey Create(string path, Secret? passphrase)
    {
        using var seed = Secret.Random(Ed25519PrivateKey.SeedSizeInBytes);
        using var key = Ed25519PrivateKey.FromSeed(seed.Span);
        KeyFile.Write(path, Purpose, seed, passphrase);
        using var file = new FileStream(path + PublicExtension, FileMode.CreateNew);
        file.Write(Encoding.ASCII.GetBytes(key.PublicKey + "\n"));
        return key.PublicKey;
    }

    /// <exception cref="MalformedException">Not one line with a public key.</exception>
    public static Ed25519PublicKey ReadPublic(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read);
        var line = new byte[46];
        var length = file.ReadAtLeast(line, line.Length, throwOnEndOfStream: false);
        try
        {
            return Ed25519PublicKey.Parse(Encoding.ASCII.GetString(line, 0, length).TrimEnd('\n'));
        }
        catch (MalformedException e)
        {
            throw new MalformedException(-1, $"{path}: {e.Message}");
        }
    }
}
