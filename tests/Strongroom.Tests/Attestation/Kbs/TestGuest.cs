using System.Text.Json.Nodes;
using Strongroom.Attestation.Composite;
using Strongroom.Attestation.Kbs;
using Strongroom.Crypto;
using Strongroom.Tests.Attestation.Composite;
using Strongroom.Tests.Attestation.Nvidia;
using Strongroom.Tests.Crypto;

namespace Strongroom.Tests.Attestation.Kbs;

/// <summary>A guest with RCAR's components on a machine of the test vendors; a test makes one thing of what it says wrong.</summary>
internal sealed class TestGuest(TestMachine machine) : IDisposable
{
    public GuestKey Key { get; } = GuestKey.Ec();

    public string Tee => machine.Kind == "tdx" ? "tdx" : "snp";

    /// <summary>Done to the report data before the processor is asked.</summary>
    public Func<byte[], byte[]> ReportData { get; set; } = data => data;

    /// <summary>Done to the nonce before the devices are asked.</summary>
    public Func<byte[], byte[]> DeviceNonce { get; set; } = nonce => nonce;

    /// <summary>Done to the devices' evidence after the processor was asked.</summary>
    public Func<string, string> AfterAsking { get; set; } = additional => additional;

    public GuestEvidence Answer(ReadOnlySpan<byte> nonce, DateTimeOffset at, JweKey? key = null)
    {
        key ??= Key.Public;
        var additional = Additional(DeviceNonce(GuestEvidence.DeviceNonce(nonce, key)));
        var cpu = Convert.ToBase64String(machine.Cpu(ReportData(GuestEvidence.ReportData(nonce, key, additional)), at));
        return new(AfterAsking(additional), new JsonObject { [Tee == "tdx" ? "quote" : "attestation_report"] = cpu }.ToJsonString());
    }

    public void Dispose() => Key.Dispose();

    private string Additional(byte[] nonce)
    {
        IReadOnlyList<TestDevice> devices = [.. machine.Gpus, .. machine.Switches];
        if (devices.Count == 0) return "";
        var items = new JsonArray([.. devices.Select(device =>
        {
            var item = new NvidiaCase().Vendor.Item(device with { Nonce = nonce });
            foreach (var name in (string[])["nonce", "version"]) item.Remove(name); // which guests' components do not write
            item["uuid"] = "GPU-1";
            return item;
        })]);
        return new JsonObject { ["nvidia"] = new JsonObject { ["device_evidence_list"] = items } }.ToJsonString();
    }
}
