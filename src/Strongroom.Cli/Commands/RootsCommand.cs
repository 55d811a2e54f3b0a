using System.CommandLine;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;
using Strongroom.Facts;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom root add|remove</c>: whose word counts that a TPM is a TPM.</summary>
internal static class RootsCommand
{
    private static readonly Option<string> Kind = new("--kind") { Description = "What the root is of", DefaultValueFactory = _ => "tpm-ek" };

    internal static Command Create() => new Command("root", "Manufacturers' certificates that machines are enrolled under").With(Add(), Remove());

    private static Command Add()
    {
        var file = new Argument<string>("certificate") { Description = "X.509, PEM or DER" };
        return new Command("add", "Propose to trust a root").With(file, Kind).Proposes(parsed => new AddRoot(parsed.GetRequiredValue(Kind), ReadCertificate(parsed.GetRequiredValue(file))));
    }

    private static Command Remove()
    {
        var digest = new Argument<string>("sha256") { Description = "SHA-256 of the certificate's DER" };
        return new Command("remove", "Propose to enrol no more machines under a root; those that are enrolled stay until they are retired").With(digest, Kind).Proposes(parsed => new RemoveRoot(parsed.GetRequiredValue(Kind), Digest.Parse(parsed.GetRequiredValue(digest))));
    }

    private static byte[] ReadCertificate(string path)
    {
        try
        {
            using var certificate = X509CertificateLoader.LoadCertificate(File.ReadAllBytes(path));
            return certificate.RawData;
        }
        catch (System.Security.Cryptography.CryptographicException)
        {
            throw new MalformedException(-1, $"{path} is no X.509 certificate, neither PEM nor DER");
        }
    }
}
