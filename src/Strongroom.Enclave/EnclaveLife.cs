using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Enclave.Control;
using Strongroom.Enclave.Gateway;
using Strongroom.Enclave.Hardening;
using Strongroom.Enclave.Loader;
using Strongroom.Enclave.Memory;
using Strongroom.Protocol;
using Strongroom.Weights.Formats;
using Strongroom.Weights.Models;

namespace Strongroom.Enclave;

/// <summary>One life: reserve, ask until people have decided, open, serve until the lease ends, wipe. The process was hardened before.</summary>
internal sealed class EnclaveLife(EnclaveOptions options, Machine machine, Report report) : IDisposable
{
    /// <summary>Of a broker that nobody has reached yet: its address may be wrong, so the third failure is told as the end; it may also be busy, or starting.</summary>
    private const int FirstTries = 3;

    private readonly ProtectedMemory memory = new(options.Memory);
    private readonly EnclaveState state = new(options.Request);
    private readonly BootClock clock = new();
    private readonly TaskCompletionSource<string> ending = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Begins an orderly end from outside: a signal, or the control plane.</summary>
    internal void End(string reason) => ending.TrySetResult(reason);

    /// <returns>The exit code, and why it ended; null where it ended before there was anything to wipe.</returns>
    internal async Task<(int Code, string? Reason)> RunAsync()
    {
        var model = SealedModel.Prepare(options.Sealed, options.Pins.Publishers, memory);
        using var key = HpkePrivateKey.Generate("x25519");
        using var certificate = MakeCertificate();
        await using var control = await StartControlAsync(certificate);
        using var http = PinnedBroker.Connect(options.Broker, new(options.Pins.BrokerKey));
        var broker = new BrokerClient(http);
        using var stopping = new CancellationTokenSource();
        var touching = TouchAsync(model, stopping.Token);
        var exchange = new ReleaseExchange(broker, options.Pins, machine, key.PublicKey, options.Request, options.Memory, model.Manifest, clock);
        try
        {
            var asking = AskAsync(exchange, stopping.Token);
            if (await Task.WhenAny(asking, ending.Task, touching) == touching) await touching; // memory that cannot be had is known before a release uses up its approvals
            if (await Task.WhenAny(asking, ending.Task) == ending.Task) return (0, await ending.Task);
            if (await asking is not { } granted) return (4, null);
            var keeper = Keep(granted, exchange, broker, model);
            var over = keeper.EndAsync(stopping.Token);
            var end = Task.WhenAny(over, ending.Task);
            var files = await Opening.UnlessAsync(end, cancellation => OpenAsync(model, granted.Grant, key, touching, keeper, cancellation), Opening.Patience);
            // Loading only reads, and finds zeros once all is wiped: nobody waits for it.
            using var llama = files is null ? null : await Opening.UnlessAsync(end, _ => Task.FromResult(LlamaModel.Load(files, options.Threads)), TimeSpan.Zero);
            // Before its keeper wakes: what opened a moment too late is wiped unserved, even if a renewal is on its way.
            if (llama is not null && keeper.Remaining <= TimeSpan.Zero) return (1, "the lease ended while the model was opened");
            if (llama is not null) await ServeAsync(llama, model, certificate, end);
            var first = await end;
            return (first == over ? 1 : 0, await first);
        }
        finally
        {
            await stopping.CancelAsync();
        }
    }

    public void Dispose() => memory.Wipe();

    private async Task TouchAsync(SealedModel model, CancellationToken cancellation)
    {
        var region = model.Region;
        var pace = new Pace(report, clock, ($"{options.Memory.Name()} memory", "memory", options.Memory.Name()), region.Length);
        await using (pace.EachSecond("reserving", () => region.Touched)) await Task.Run(() => region.Touch(Environment.ProcessorCount, cancellation), cancellation);
        pace.Tell("reserved", region.Touched);
    }

    /// <summary>Null where approvals are missing and nobody wants to wait.</summary>
    private async Task<Release.Granted?> AskAsync(ReleaseExchange exchange, CancellationToken cancellation)
    {
        var (told, reached, tries) = ("", false, 0);
        while (true)
        {
            var pause = TimeSpan.FromSeconds(2);
            try
            {
                var answer = await exchange.AskAsync(cancellation);
                if (answer is Release.Granted granted) return granted;
                var pending = ((Release.Pending)answer).Reply;
                reached = true;
                state.Waiting(pending.Missing);
                var missing = string.Join("; ", pending.Missing);
                if (missing != told) report.Say("pending", $"waiting for people: {missing}", ("missing", new System.Text.Json.Nodes.JsonArray([.. pending.Missing])));
                told = missing;
                if (options.NoWait) return null;
                pause = TimeSpan.FromSeconds(Math.Clamp(pending.RetryAfterSeconds, 1, 60));
            }
            catch (UnavailableException e) when (reached || ++tries < FirstTries)
            {
                report.Say("unavailable", $"asking again: {e.Message}");
            }
            await Task.Delay(pause, cancellation);
        }
    }

    private LeaseKeeper Keep(Release.Granted granted, ReleaseExchange exchange, BrokerClient broker, SealedModel model)
    {
        var grant = granted.Grant;
        var lease = grant.Lease.Lease;
        var keeper = new LeaseKeeper(
            lease, clock, granted.Asked, TimeSpan.FromSeconds(grant.Lease.Seconds), cancellation => exchange.RenewAsync(lease, cancellation),
            cancellation => broker.LeaseEventsAsync(lease, cancellation))
        {
            Renewed = words => report.Say("lease", words, ("lease", lease)),
        };
        state.Granted(lease, model.Manifest.ModelDigest, () => keeper.Remaining);
        report.Say(
            "granted", $"granted: ledger entry {grant.Receipt.Index}, proved and cosigned by {grant.Receipt.Cosignatures.Count} witness(es); {lease} for {grant.Lease.Seconds} s",
            ("index", grant.Receipt.Index), ("lease", lease), ("seconds", grant.Lease.Seconds), ("leaf_hash", grant.Receipt.LeafHash.ToString()));
        return keeper;
    }

    private async Task<IReadOnlyList<ModelFile>> OpenAsync(
        SealedModel model, GrantedRelease grant, HpkePrivateKey key, Task touching, LeaseKeeper keeper, CancellationToken cancellation)
    {
        await touching.WaitAsync(cancellation);
        // The keeper wakes a few times a second; here every moment counts, and a grant can be late.
        if (keeper.Remaining <= TimeSpan.Zero) throw new RefusedException("the lease ended before the keys were opened");
        var released = grant.Transcript.Files;
        using var keys = grant.OpenKeys(key);
        key.Dispose(); // it has done its work: renewals bring no key
        var name = model.Manifest.Name;
        var pace = new Pace(report, clock, (name, "model", name), model.Manifest.Files.Where(file => released?.Contains(file.Name) ?? true).Sum(file => file.Length));
        long done = 0;
        IReadOnlyList<ModelFile> files;
        await using (pace.EachSecond("opening", () => Interlocked.Read(ref done)))
            files = model.Open(keys, released, grant.Lease.CheckTree, bytes => Interlocked.Add(ref done, bytes), cancellation);
        var seconds = pace.Seconds;
        report.Say(
            "opened", $"opened {name} {model.Manifest.Version}: {done / 1e6:0.0} MB authenticated in {seconds:0.000} s, {done / 1e9 / seconds:0.00} GB/s",
            ("model", name), ("version", model.Manifest.Version), ("bytes", done), ("seconds", seconds));
        return files;
    }

    private async Task ServeAsync(LlamaModel llama, SealedModel model, X509Certificate2 certificate, Task end)
    {
        var limits = new GatewayLimits();
        using var completions = new Completions(llama, model.Manifest.Name, memory, limits, TimeProvider.System);
        await using var gateway = TlsListener.Create(options.Listen, certificate, limits.MaxRequestBytes, limits.MaxConnections);
        gateway.MapGateway(completions, options.ClientKeys);
        await gateway.StartAsync();
        state.Enter(Stage.Serving);
        report.Say("ready", $"ready: {model.Manifest.Name} answers on {gateway.Address()}", ("address", gateway.Address()), ("model", model.Manifest.Name));
        await end;
        // The end must not wait for a client that does not read: answers are cut off, then the weights go.
        completions.Stop();
        memory.Wipe();
        state.Enter(Stage.Ended);
    }

    private X509Certificate2 MakeCertificate()
    {
        var certificate = ServerCertificate.Create(["localhost", options.Listen.Address.ToString(), .. options.TlsNames], TimeProvider.System.GetUtcNow());
        Directory.CreateDirectory(options.State);
        var path = Path.Combine(options.State, "enclave.crt");
        File.WriteAllText(path, certificate.ExportCertificatePem() + "\n");
        report.Say("certificate", $"TLS certificate in {path}, SHA-256 {Digest.Of(certificate.RawData)}", ("path", path), ("sha256", Digest.Of(certificate.RawData).ToString()));
        return certificate;
    }

    private async Task<WebApplication> StartControlAsync(X509Certificate2 certificate)
    {
        var control = TlsListener.Create(options.Control, certificate, maxRequestBytes: 0, maxConnections: 16);
        control.MapControl(state, options.ControlKeys, () => End("asked to by the control plane"));
        await control.StartAsync();
        report.Say("control", $"control plane on {control.Address()}", ("address", control.Address()));
        return control;
    }
}
