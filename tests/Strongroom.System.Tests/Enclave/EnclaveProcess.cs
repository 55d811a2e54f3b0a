using System.Diagnostics;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.System.Tests.Enclave;

/// <summary>The built enclave program, started as a user starts it, against a scripted broker.</summary>
internal sealed class EnclaveProcess : IDisposable
{
    /// <summary>A stall of a busy machine is no finding; a program that hangs is one after three minutes as well.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly Channel<JsonObject> events = Channel.CreateUnbounded<JsonObject>();
    private readonly StringBuilder errors = new();
    private readonly List<string> passed = [];

    private EnclaveProcess(Process process, string state) => (Process, State) = (process, state);

    public Process Process { get; }

    public int Id => Process.Id;

    /// <summary>Its directory: all that it may have written besides temporary files.</summary>
    public string State { get; }

    public string Errors
    {
        get
        {
            lock (errors) return errors.ToString();
        }
    }

    public static string Program => Path.Combine(AppContext.BaseDirectory, "Strongroom.Enclave.dll");

    /// <param name="arguments">After `strongroom enclave`.</param>
    /// <param name="environment">Beside the test's own.</param>
    public static EnclaveProcess Start(string state, IEnumerable<string> arguments, params (string Name, string Value)[] environment) =>
        StartCommand(state, ["dotnet", Program, .. arguments], environment);

    /// <param name="command">A program that becomes the enclave, and its arguments.</param>
    public static EnclaveProcess StartCommand(string state, string[] command, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = state };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        var enclave = new EnclaveProcess(Process.Start(start)!, state);
        enclave.Process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is null) enclave.events.Writer.TryComplete();
            else if (line.Data.StartsWith('{')) enclave.events.Writer.TryWrite(JsonNode.Parse(line.Data)!.AsObject());
        };
        enclave.Process.ErrorDataReceived += (_, line) =>
        {
            lock (enclave.errors) enclave.errors.AppendLine(line.Data);
        };
        enclave.Process.BeginOutputReadLine();
        enclave.Process.BeginErrorReadLine();
        return enclave;
    }

    /// <summary>The name that we give to the document of an error, which is no event.</summary>
    public const string Failed = "error";

    /// <summary>The next event of that name; what came before it is passed over.</summary>
    public async Task<JsonObject> ExpectAsync(string name)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            await foreach (var said in events.Reader.ReadAllAsync(patience.Token))
            {
                if ((string?)said["event"] == name) return said;
                passed.Add(said.ToJsonString());
            }
        }
        catch (OperationCanceledException)
        {
            // Says below what it was waiting for.
        }
        throw new InvalidOperationException($"the enclave never said {name}; {await WhatBecameOfItAsync()}");
    }

    /// <summary>The next event that is not about how far it is, which must have that name.</summary>
    public async Task<JsonObject> ExpectOnlyAsync(string name)
    {
        await foreach (var said in events.Reader.ReadAllAsync(TestContext.Current.CancellationToken))
            if ((string?)said["event"] is not ("reserving" or "reserved" or "opening"))
                return (string?)said["event"] == name ? said : throw new InvalidOperationException($"the enclave said {said.ToJsonString()}, not {name}");
        throw new InvalidOperationException($"the enclave never said {name}: {Errors}");
    }

    /// <summary>Names of all events to come.</summary>
    public async Task<List<string>> ToTheEndAsync()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        var names = new List<string>();
        await foreach (var said in events.Reader.ReadAllAsync(patience.Token)) names.Add((string?)said["event"] ?? Failed);
        return names;
    }

    public async Task<int> ExitAsync()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        await Process.WaitForExitAsync(patience.Token);
        return Process.ExitCode;
    }

    /// <summary>A client that trusts this enclave's certificate and nothing else.</summary>
    public HttpClient Client(string address, string? key = EnclaveSetup.ClientKey)
    {
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(State, "enclave.crt"));
        var expected = Digest.Of(certificate.RawData);
        var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, presented, _, _) => Digest.Of(presented!.RawData) == expected };
        var client = new HttpClient(handler) { BaseAddress = new(address), Timeout = TimeSpan.FromSeconds(60) };
        if (key is not null) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    public void Dispose()
    {
        if (!Process.HasExited) Process.Kill();
        Process.WaitForExit();
        Process.Dispose();
    }

    /// <summary>For who must find out, from a log alone, why an enclave said nothing: its exit, or where each of its threads stands; what it said; its errors.</summary>
    private async Task<string> WhatBecameOfItAsync()
    {
        var stands = "it lives: " + string.Join(", ", Process.HasExited ? [] : Directory.EnumerateDirectories($"/proc/{Id}/task").Select(Stand));
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            await Process.WaitForExitAsync(patience.Token); // which reads its errors to the end
            stands = $"it ended with {Process.ExitCode}";
        }
        catch (OperationCanceledException)
        {
            // It lives.
        }
        return $"{stands}; it said {string.Join(", ", passed)}; errors: {Errors}";

        static string Stand(string thread)
        {
            try
            {
                var status = File.ReadLines(Path.Combine(thread, "status")).Select(line => line.Split('\t')).Where(line => line[0] is "Name:" or "State:" or "TracerPid:").Select(line => line[1]);
                return $"{string.Join(' ', status)} in {File.ReadAllText(Path.Combine(thread, "wchan"))}";
            }
            catch (IOException e)
            {
                return e.Message;
            }
        }
    }
}
