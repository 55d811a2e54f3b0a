using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;

namespace Strongroom.Cli.References;

/// <summary>Who signs reference values, as somebody got it from him: a public key or a certificate in PEM. Of a certificate only the key counts here.</summary>
internal static class SignerFile
{
    /// <returns>DER SubjectPublicKeyInfo.</returns>
    /// <exception cref="MalformedException">Neither.</exception>
    internal static byte[] Read(string path)
    {
        var text = File.ReadAllText(path);
        try
        {
            if (text.Contains("-----BEGIN CERTIFICATE-----", StringComparison.Ordinal))
            {
                using var certificate = X509Certificate2.CreateFromPem(text);
                return certificate.PublicKey.ExportSubjectPublicKeyInfo();
            }
            if (text.Contains("PRIVATE KEY", StringComparison.Ordinal)) throw new MalformedException(-1, $"{path} is a private key: its owner alone should have it");
            using var key = ECDsa.Create();
            key.ImportFromPem(text);
            return key.ExportSubjectPublicKeyInfo();
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            throw new MalformedException(-1, $"{path} is neither an EC public key nor a certificate in PEM");
        }
    }
}
