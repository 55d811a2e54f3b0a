using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Protocol;

namespace Strongroom.Cli.Machines;

/// <summary>The machine that this command runs on, as it introduces itself to a broker (spec/evidence.md, "Enrolment").</summary>
/// <param name="Introduction">What the broker needs before it challenges.</param>
/// <param name="Values">What it measures now: what reference values would be.</param>
/// <param name="ActivateAsync">Answers the challenge; null where there is nothing to answer.</param>
internal sealed record LocalMachine(
    string Id, EnrolmentRequest Introduction, IReadOnlyDictionary<string, string> Values, IReadOnlyList<int> Pcrs,
    Func<EnrolmentChallenge, CancellationToken, Task<byte[]?>> ActivateAsync)
{
    internal Digest Measurement => Attestation.Measurement.Of(Introduction.Kind, Values);

    internal static async Task<LocalMachine> TpmAsync(string where, IReadOnlyList<string> intermediates, string? pcrs, CancellationToken cancel)
    {
        string[] tpm = ["--tpm", where];
        var introduced = await AskAsync(["introduce", .. tpm, .. intermediates.SelectMany(path => (string[])["--intermediate", path])], cancel);
        var measured = await AskAsync(["measure", .. tpm, .. pcrs is null ? (string[])[] : ["--pcrs", pcrs]], cancel);
        var introduction = CanonicalJson.Read(System.Text.Encoding.UTF8.GetBytes(introduced.GetRawText()), ProtocolJson.Default.EnrolmentRequest);
        var values = measured.GetProperty("values").EnumerateObject().ToDictionary(value => value.Name, value => value.Value.GetString()!);
        return new(measured.GetProperty("machine").GetString()!, introduction, values, [.. values.Keys.Select(name => int.Parse(name["pcr".Length..], CultureInfo.InvariantCulture)).Order()], async (challenge, stop) =>
        {
            var credential = challenge.Credential ?? throw new MalformedException(-1, "the broker's challenge holds no credential");
            var opened = await AskAsync(["activate", .. tpm, "--credential", Convert.ToBase64String(credential.Span)], stop);
            return opened.GetProperty("secret").GetBytesFromBase64();
        });
    }

    /// <summary>A key in a file, made if it is not there: the same that <c>strongroom enclave run --danger-development-evidence</c> takes.</summary>
    internal static LocalMachine Development(string path)
    {
        if (!File.Exists(path)) PrivateFile.Write(path, Convert.ToBase64String(RandomNumberGenerator.GetBytes(Ed25519PrivateKey.SeedSizeInBytes)) + "\n");
        var seed = new byte[Ed25519PrivateKey.SeedSizeInBytes];
        if (!Convert.TryFromBase64String(File.ReadAllText(path).Trim(), seed, out var length) || length != seed.Length)
            throw new MalformedException(-1, $"{path} holds no development key: 32 bytes in base64");
        using var key = Ed25519PrivateKey.FromSeed(seed);
        var introduction = new EnrolmentRequest(DevelopmentEvidence.KindName, key.PublicKey.Span.ToArray());
        var values = new Dictionary<string, string> { ["measured"] = "nothing" };
        return new(EnrolledMachine.IdOf(key.PublicKey.Span), introduction, values, [], (_, _) => Task.FromResult<byte[]?>(null));
    }

    private static async Task<JsonElement> AskAsync(IEnumerable<string> arguments, CancellationToken cancel)
    {
        using var answer = JsonDocument.Parse(await SiblingProgram.RunAsync("Enclave", arguments, cancel));
        return answer.RootElement.Clone();
    }
}
