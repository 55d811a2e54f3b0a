using System.Text.Json;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Enclave.Hardening;
using Strongroom.Enclave.Native;

namespace Strongroom.Enclave.Evidence;

/// <summary>
/// Asks the GPUs in a process of its own, as nobody and without privileges: libnvidia-ml is somebody else's code, and in the enclave's process, or with its rights, it could
/// read keys and weights, or take them down with it.
/// </summary>
public static class GpuProcess
{
    internal const string Verb = "gpus";

    /// <summary>Longest answer: the evidence of as many GPUs as fit, in base64.</summary>
    private const int MaxAnswer = CompositeEvidence.MaxSizeInBytes * 2;

    /// <summary>A report takes a GPU a second or two.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>What the driver shows, without asking any GPU.</summary>
    public static GpuReports.Found Find() => FindIn(Ask([]));

    /// <summary>As <see cref="GpuReports.Attest(string, ReadOnlyMemory{byte})"/>.</summary>
    public static IReadOnlyList<EvidencePart> Attest(ReadOnlyMemory<byte> nonce) => PartsIn(Ask([Convert.ToHexStringLower(nonce.Span)]));

    /// <summary>The process's own part: with a nonce evidence, without one what there is.</summary>
    internal static int Run(string[] arguments, TextWriter output)
    {
        _ = Answer(arguments, library: "/dev/null/none"); // so that what answering takes of this program is loaded while whoever started it can read it
        Confinement.Enter(Nvml.Group());
        output.Write(Answer(arguments, Nvml.Library));
        return 0;
    }

    private static string Answer(string[] arguments, string library)
    {
        JsonObject answer;
        if (arguments is [var nonce])
        {
            answer = new() { ["parts"] = new JsonArray([.. GpuReports.Attest(library, Convert.FromHexString(nonce)).Select(part => (JsonNode)Convert.ToBase64String(part.Evidence))]) };
        }
        else
        {
            var found = GpuReports.Find(library);
            answer = new() { ["count"] = found.Count, ["mode"] = found.Mode };
        }
        return answer.ToJsonString();
    }

    internal static GpuReports.Found FindIn(byte[] answer) => Read(answer, said => new GpuReports.Found(said.GetProperty("count").GetInt32(), said.GetProperty("mode").GetString()!));

    internal static IReadOnlyList<EvidencePart> PartsIn(byte[] answer) =>
        Read(answer, said => said.GetProperty("parts").EnumerateArray().Select(part => new EvidencePart(part.GetBytesFromBase64(), "nvidia-gpu")).ToList());

    /// <param name="arguments">Of the verb.</param>
    /// <param name="command">Starts this program with them.</param>
    /// <param name="environment">The clean one, in which nothing chooses libraries.</param>
    /// <param name="patience">With the process.</param>
    internal static byte[] Ask(string[] arguments, Func<string[], string[]>? command = null, string[]? environment = null, TimeSpan? patience = null)
    {
        try
        {
            var (status, answer) = Spawn.Ask((command ?? CleanStart.Command)([Verb, .. arguments]), environment ?? CleanStart.Wanted([]), MaxAnswer, patience ?? Patience);
            return status == 0 ? answer : throw new UnavailableException((status & 0x7f) == 0 ? $"the process that asks them ended with {(status >> 8) & 0xff}; it said why" : $"the process that asks them died of signal {status & 0x7f}");
        }
        catch (UnavailableException e)
        {
            throw new UnavailableException($"the GPUs do not answer: {e.Message}", e);
        }
    }

    private static T Read<T>(byte[] answer, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(answer);
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new UnavailableException("the GPUs do not answer: what the process that asks them said is no answer", e);
        }
    }
}
