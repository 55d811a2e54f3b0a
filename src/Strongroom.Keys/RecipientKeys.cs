using System.Text;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Keys;

/// <summary>A private key that models are sealed to (HPKE), in a <see cref="KeyFile"/> whose purpose is the KEM's name, and its public half in <c>.pub</c>.</summary>
public static class RecipientKeys
{
    /// <param name="path">PATH and PATH.pub must not exist.</param>
    /// <param name="kem"><c>x25519</c> or <c>p256</c>.</param>
    /// <param name="passphrase">Null to leave it unprotected.</param>
    /// <param name="publicKey">What others seal to.</param>
    public static Secret Create(string path, string kem, Secret? passphrase, out HpkePublicKey publicKey)
    {
        var bytes = HpkePrivateKey.GenerateBytes(kem);
        using (var key = HpkePrivateKey.From(kem, bytes.Span)) publicKey = key.PublicKey;
        KeyFile.Write(path, kem, bytes, passphrase);
        using var file = new FileStream(path + PublisherKeys.PublicExtension, FileMode.CreateNew);
        file.Write(Encoding.ASCII.GetBytes(publicKey + "\n"));
        return bytes;
    }
}
