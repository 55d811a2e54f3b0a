using System.CommandLine;
using System.Security.Cryptography;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Ear;
using Strongroom.Cli.Commands;
using Strongroom.Keys;

namespace Strongroom.Cli.Appraising;

/// <summary>Options of <c>strongroom evidence verify</c> that write its result as a token.</summary>
internal sealed class TokenOptions
{
    private readonly Option<string> file = new("--ear") { Description = "Also write the result as a signed EAR token, whatever it is (spec/ear.md); must not exist", HelpName = "FILE" };
    private readonly Option<string> key = new("--ear-key") { Description = "EC private key that signs it, PEM, P-256 or P-384, a file that nobody else may read", HelpName = "KEY.pem" };
    private readonly Option<string> issuer = new("--ear-issuer") { Description = "The name of this verifier, as relying parties know it", DefaultValueFactory = _ => "strongroom" };
    private readonly Option<string> audience = new("--ear-audience") { Description = "For whom the token is" };
    private readonly Option<string> nonce = new("--ear-nonce") { Description = "The relying party's own challenge, 8 to 64 bytes, hexadecimal" };
    private readonly Option<int> minutes = new("--ear-minutes") { Description = "How long the token lives", DefaultValueFactory = _ => 5 };

    internal Symbol[] All => [file, key, issuer, audience, nonce, minutes];

    /// <summary>The key is opened before anything is appraised, so that a refusal comes at once.</summary>
    internal TokenWriter? Read(ParseResult parsed)
    {
        if (parsed.GetValue(file) is not { } path) return null;
        var signer = EcKeyFile.Open(parsed.GetValue(key) ?? throw new UsageException("--ear needs the key that signs the token, --ear-key KEY.pem"));
        var life = parsed.GetValue(minutes) is var found and > 0 and <= 24 * 60 ? TimeSpan.FromMinutes(found) : throw new UsageException("--ear-minutes is 1 to 1440");
        var challenge = EvidenceCommand.Bytes(parsed.GetValue(nonce), "--ear-nonce");
        if (challenge is { Length: < 8 or > 64 }) throw new UsageException("--ear-nonce has 8 to 64 bytes");
        return new(path, signer, parsed.GetValue(issuer)!, parsed.GetValue(audience), challenge, life);
    }
}

/// <summary>Where a token goes, and what it says besides the result.</summary>
internal sealed record TokenWriter(string Path, ECDsa Key, string Issuer, string? Audience, ReadOnlyMemory<byte>? Nonce, TimeSpan Life) : IDisposable
{
    public void Dispose() => Key.Dispose();

    /// <summary>Dated at the time of the appraisal: a token about the past must not look like one about now.</summary>
    internal void Write(AttestationResult result, ReadOnlyMemory<byte> policy)
    {
        var claims = new EarClaims(Issuer, result.At, result.At + Life, policy) { Audience = Audience, Nonce = Nonce };
        PrivateFile.Write(Path, EarToken.Issue(result, claims, Key) + "\n");
    }
}
