using System.Security.Cryptography;
using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Keys;

/// <summary>An EC private key in PEM (PKCS #8 or SEC 1, not encrypted), as openssl and key managers write it: what tokens are signed with.</summary>
public static class EcKeyFile
{
    private const int MaxFileBytes = 16 * 1024;
    private const string P256 = "1.2.840.10045.3.1.7";
    private const string P384 = "1.3.132.0.34";

    /// <exception cref="RefusedException">Others may read or write the file.</exception>
    /// <exception cref="MalformedException">Not one EC private key of P-256 or P-384.</exception>
    public static ECDsa Open(string path)
    {
        using var file = SecretFile.Open(path);
        SecretFile.RequirePrivate(file, path);
        using var bytes = new Secret(MaxFileBytes);
        var length = file.ReadAtLeast(bytes.Span, bytes.Length, throwOnEndOfStream: false);
        if (length == bytes.Length) throw new MalformedException(length, $"{path} is too long for a key");
        var text = new char[length]; // pinned nowhere and wiped: the framework reads PEM from characters only
        try
        {
            Encoding.ASCII.GetChars(bytes.Span[..length], text);
            return Read(text, path);
        }
        finally
        {
            Array.Clear(text);
        }
    }

    private static ECDsa Read(ReadOnlySpan<char> pem, string path)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(pem);
            key.SignData("whether it can sign"u8, HashAlgorithmName.SHA256); // throws where the file has the public half only
            if (key.ExportParameters(false).Curve is { IsNamed: true, Oid.Value: P256 or P384 }) return key;
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
        }
        key.Dispose();
        throw new MalformedException(-1, $"{path} is not one EC private key of P-256 or P-384 in PEM");
    }
}
