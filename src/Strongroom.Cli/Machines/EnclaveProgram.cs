using System.Diagnostics;
using System.Text.Json;
using Strongroom.Bytes;

namespace Strongroom.Cli.Machines;

/// <summary>
/// The enclave program beside this one, asked for one JSON object. Only it speaks to TPMs: what is measured on a machine and what is enrolled for it
/// come from the same code.
/// </summary>
internal static class EnclaveProgram
{
    internal static async Task<JsonElement> AskAsync(IEnumerable<string> arguments, CancellationToken cancel)
    {
        var path = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../Strongroom.Enclave/release/Strongroom.Enclave.dll"));
        if (!File.Exists(path)) throw new FileNotFoundException(null, path);
        using var program = Process.Start(new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet", [path, .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var (said, complained) = (program.StandardOutput.ReadToEndAsync(cancel), program.StandardError.ReadToEndAsync(cancel));
        await program.WaitForExitAsync(cancel);
        if (program.ExitCode != 0) throw Failure(program.ExitCode, await complained);
        using var answer = JsonDocument.Parse(await said);
        return answer.RootElement.Clone();
    }

    /// <summary>The program's own exit code, and its own words, become this one's.</summary>
    private static Exception Failure(int code, string complained)
    {
        var words = complained.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var what = words.FirstOrDefault(line => line.Contains("enclave", StringComparison.OrdinalIgnoreCase)) ?? words.LastOrDefault() ?? $"the enclave program ended with {code}";
        return code switch
        {
            ExitCode.Refused => new RefusedException(what),
            ExitCode.Malformed => new MalformedException(-1, what),
            ExitCode.Usage => new UsageException(what),
            ExitCode.NoSuchFile => new FileNotFoundException(what),
            _ => new UnavailableException(what),
        };
    }
}
