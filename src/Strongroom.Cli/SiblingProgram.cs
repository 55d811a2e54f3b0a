using System.Diagnostics;
using Strongroom.Bytes;

namespace Strongroom.Cli;

/// <summary>
/// Another program of the house, run for one answer. What only it may touch - a TPM, a broker's databases - it touches here too, and the same code
/// that does it every day.
/// </summary>
internal static class SiblingProgram
{
    /// <param name="name">Broker or Enclave.</param>
    /// <returns>What it wrote on standard output.</returns>
    internal static async Task<string> RunAsync(string name, IEnumerable<string> arguments, CancellationToken cancel)
    {
        using var program = Start(name, arguments, talks: false);
        var (said, complained) = (program.StandardOutput.ReadToEndAsync(cancel), program.StandardError.ReadToEndAsync(cancel));
        await program.WaitForExitAsync(cancel);
        return program.ExitCode == 0 ? await said : throw Failure(name, program.ExitCode, await complained);
    }

    /// <summary>For several answers: the caller writes on its standard input, reads its standard output, and closes the former.</summary>
    internal static Process Start(string name, IEnumerable<string> arguments, bool talks = true)
    {
        var path = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, $"../../Strongroom.{name}/release/Strongroom.{name}.dll"));
        if (!File.Exists(path)) throw new FileNotFoundException(null, path);
        var host = Environment.ProcessPath is { } self && Path.GetFileName(self) == "dotnet" ? self : "dotnet";
        return Process.Start(new ProcessStartInfo(host, [path, .. arguments]) { RedirectStandardInput = talks, RedirectStandardOutput = true, RedirectStandardError = true })!;
    }

    /// <summary>The program's own exit code, and its own words, become this one's.</summary>
    internal static Exception Failure(string name, int code, string complained)
    {
        var prefix = $"strongroom {name.ToLowerInvariant()}: ";
        var lines = complained.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var said = lines.LastOrDefault(line => line.StartsWith(prefix, StringComparison.Ordinal));
        var what = said is null ? lines.FirstOrDefault() ?? $"the {name.ToLowerInvariant()} program ended with {code}" : said[prefix.Length..];
        return code switch
        {
            ExitCode.Refused => new RefusedException(what),
            ExitCode.Malformed => new MalformedException(-1, what),
            ExitCode.Usage => new UsageException(what),
            ExitCode.NoSuchFile => new FileNotFoundException(what),
            ExitCode.LedgerBroken => new LedgerBrokenException(what),
            _ => new UnavailableException(what),
        };
    }
}
