using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Ear;
using Strongroom.Bytes;
using Strongroom.Cli.Appraising;
using Strongroom.Keys;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom evidence token</c>: somebody else's attestation result, an EAR token, checked by everything in spec/ear.md.</summary>
internal static class EvidenceTokenCommand
{
    internal static Command Create()
    {
        var file = new Argument<string>("file") { Description = "The token: a JWT in compact form" };
        var keys = new Option<string>("--jwks") { Description = "The verifier's pinned keys, a JWK set", HelpName = "FILE" };
        var roots = new Option<string>("--root") { Description = "Root certificates, PEM, below which a token may bring its key", HelpName = "PEM" };
        var issuer = new Option<string>("--issuer") { Description = "The verifier's name, exactly" };
        var audience = new Option<string>("--audience") { Description = "Your own name, which the token must be for" };
        var nobody = new Option<string[]>("--absent") { Description = "What this verifier's tokens never name (Trustee's neither): issuer, audience; may be given several times", HelpName = "CLAIM" };
        var needed = new Option<string[]>("--needed-claim") { Description = $"A claim that each submodule must affirm, instead of {string.Join(", ", new EarExpectations(null, null).NeededClaims)}; may be given several times", HelpName = "CLAIM" };
        var nonce = new Option<string>("--nonce") { Description = "The challenge that the token must answer, hexadecimal" };
        var submodules = new Option<string[]>("--submodule") { Description = "One that must be there, such as tdx; may be given several times" };
        var policy = new Option<string>("--policy-id") { Description = "The policy that must have been applied: SHA-256 of its bytes, hexadecimal" };
        var profile = new Option<string>("--profile") { Description = "Of other verifiers' tokens: their eat_profile, exactly", DefaultValueFactory = _ => EarToken.Profile };
        var at = new Option<string>("--at") { Description = "The time for every check of validity, such as 2026-01-31T12:00:00Z; now if not given" };
        return new Command("token",
            """
            Check an attestation result that a verifier signed, an EAR token

            Exit code 0: it is the configured verifier's, current, for you, and affirms everything in it; 1: rejected, with every check that failed; 2: no such token.
            A token is its verifier's word: the evidence itself is not looked at.
            """).With(file, keys, roots, issuer, audience, nonce, submodules, needed, nobody, policy, profile, at).Runs((parsed, terminal) =>
        {
            if (parsed.GetValue(keys) is null && parsed.GetValue(roots) is null) throw new UsageException("whose tokens count? name pinned keys, --jwks FILE, or roots, --root PEM");
            var absent = OneOf(parsed.GetValue(nobody), "--absent", ["issuer", "audience"]) ?? [];
            var expected = new EarExpectations(NameOrNone(parsed.GetValue(issuer), "issuer", absent), NameOrNone(parsed.GetValue(audience), "audience", absent))
            {
                Keys = parsed.GetValue(keys) is { } set ? File.ReadAllBytes(set) : default,
                Roots = parsed.GetValue(roots) is { } pem ? Certificates(pem) : [],
                Nonce = EvidenceCommand.Bytes(parsed.GetValue(nonce), "--nonce"),
                Submodules = parsed.GetValue(submodules) ?? [],
                PolicyId = parsed.GetValue(policy),
                Profile = parsed.GetValue(profile)!,
            };
            if (OneOf(parsed.GetValue(needed), "--needed-claim", TrustVector.ClaimNames) is { } claims) expected = expected with { NeededClaims = claims };
            var token = File.ReadAllBytes(parsed.GetRequiredValue(file)).AsSpan();
            var result = EarToken.Verify(token is [.. var line, (byte)'\n'] ? line : token, expected, EvidenceCommand.Time(parsed.GetValue(at)));
            terminal.Answer(result.ToJson(), text => ResultInWords.Write(result, text));
            return result.Outcome == Outcome.Verified ? ExitCode.Ok : ExitCode.Refused;
        });
    }

    /// <summary>That a token names nobody is accepted by name only.</summary>
    private static string? NameOrNone(string? name, string claim, IReadOnlyList<string> absent) => (name, absent.Contains(claim)) switch
    {
        (not null, false) => name,
        (null, true) => null,
        (null, false) => throw new UsageException($"which {claim}? name it, --{claim} NAME; or say that this verifier's tokens never have one, --absent {claim}"),
        _ => throw new UsageException($"--{claim} and --absent {claim} contradict each other"),
    };

    /// <summary>Null where the option was not given.</summary>
    private static IReadOnlyList<string>? OneOf(string[]? given, string option, IReadOnlyList<string> known) =>
        given is null or [] ? null
        : given.FirstOrDefault(each => !known.Contains(each)) is { } other ? throw new UsageException($"{option} is one of {string.Join(", ", known)}, not {other}") : given;

    /// <summary><c>strongroom evidence token-keys</c>: what relying parties pin.</summary>
    internal static Command Keys()
    {
        var file = new Argument<string>("key") { Description = "EC private key in PEM that signs tokens" };
        return new Command("token-keys", "Print the public half of a key that signs tokens, as the JWK set for --jwks").With(file).Runs((parsed, terminal) =>
        {
            using var key = EcKeyFile.Open(parsed.GetRequiredValue(file));
            var set = EarToken.KeySet(key);
            terminal.Answer(set, text => text.WriteLine(set.ToJsonString()));
            return ExitCode.Ok;
        });
    }

    private static IReadOnlyList<X509Certificate2> Certificates(string path)
    {
        var found = new X509Certificate2Collection();
        try
        {
            found.ImportFromPem(File.ReadAllText(path));
        }
        catch (CryptographicException e)
        {
            throw new MalformedException(-1, $"{path}: {e.Message}");
        }
        return found.Count > 0 ? [.. found] : throw new MalformedException(-1, $"{path} has no certificate in PEM");
    }
}
