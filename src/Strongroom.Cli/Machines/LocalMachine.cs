using System.Globalization;
using System.Text;
using System.Text.Json;
using Strongroom.Attestation;
using Strongroom.Bytes;
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
    internal Measurement Measured => Measurement.From(Introduction.Kind, Values);

    internal static Task<LocalMachine> TpmAsync(string where, IReadOnlyList<string> intermediates, string? pcrs, CancellationToken cancel) =>
        AskAsync(["--tpm", where], [.. intermediates.SelectMany(path => (string[])["--intermediate", path])], pcrs is null ? [] : ["--pcrs", pcrs], cancel);

    /// <param name="path">A key in a file, made if it is not there: the same that <c>strongroom enclave run</c> takes.</param>
    internal static Task<LocalMachine> DevelopmentAsync(string path, CancellationToken cancel) => AskAsync(["--danger-development-evidence", path], [], [], cancel);

    private static async Task<LocalMachine> AskAsync(string[] where, string[] introducing, string[] measuring, CancellationToken cancel)
    {
        var introduced = await AskAsync(["introduce", .. where, .. introducing], cancel);
        var measured = await AskAsync(["measure", .. where, .. measuring], cancel);
        var introduction = CanonicalJson.Read(Encoding.UTF8.GetBytes(introduced.GetRawText()), ProtocolJson.Default.EnrolmentRequest);
        var values = measured.GetProperty("values").EnumerateObject().ToDictionary(value => value.Name, value => value.Value.GetString()!);
        return new(measured.GetProperty("machine").GetString()!, introduction, values, NumbersOf(values.Keys), async (challenge, stop) =>
        {
            if (challenge.Credential is not { Length: > 0 } credential) return null; // development has nothing to open
            var opened = await AskAsync(["activate", .. where, "--credential", Convert.ToBase64String(credential.Span)], stop);
            return opened.GetProperty("secret").GetBytesFromBase64();
        });
    }

    private static IReadOnlyList<int> NumbersOf(IEnumerable<string> claims) =>
        [.. claims.Where(claim => claim.StartsWith("pcr", StringComparison.Ordinal)).Select(claim => int.Parse(claim["pcr".Length..], CultureInfo.InvariantCulture)).Order()];

    private static async Task<JsonElement> AskAsync(IEnumerable<string> arguments, CancellationToken cancel)
    {
        using var answer = JsonDocument.Parse(await SiblingProgram.RunAsync("Enclave", arguments, cancel));
        return answer.RootElement.Clone();
    }
}
