using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Tests.Attestation.Composite;

namespace Strongroom.System.Tests.People;

/// <summary>Endorsements on record and machines with a TEE, from the command line; there is no TEE here, so what must be refused is.</summary>
public sealed class TeeCommandTests
{
    [Fact]
    public async Task Endorsements_go_on_record_and_a_machine_that_proves_nothing_is_not_signed_for()
    {
        await using var house = await House.BuildAsync();
        await house.ChangeAsync("person", "add", "owner", "--group", "operators", "--danger-unprotected");
        Directory.CreateDirectory(house.At("vendors"));
        await File.WriteAllTextAsync(house.At("vendors/tcb.json"), "{}");
        await house.MustAsync(0, "endorsements", "export", "vendors", "bundle", "--key", "K.key.publisher");

        Assert.Equal(1, (await house.AsAsync("owner", "endorsements", "show")).Code); // nothing is on record
        var now = DateTimeOffset.UtcNow;
        var nitro = await house.AsAsync(0, "owner", "machine", "challenge", "nitro", "--out", "to-nitro");
        await File.WriteAllBytesAsync(house.At("from-nitro"), TestMachine.NitroAlone(now).Evidence(Digest.Parse((string)nitro["nonce"]!), now));
        var judged = await house.AsAsync("owner", "machine", "enrol", "--challenge", "to-nitro", "--evidence", "from-nitro", "--yes");
        Assert.Equal(1, judged.Code);
        Assert.Contains("cpu.nitro.5", judged.Error, StringComparison.Ordinal); // it was judged, and its root is a test's: no endorsements are needed for a Nitro enclave
        string[] record = ["endorsements", "record", "bundle", "--collector", "lab", "--yes"];
        Assert.Equal(1, (await house.AsAsync("owner", record)).Code); // nobody recorded who lab is
        await house.ChangeAsync("collector", "add", "lab", "K.key.publisher.pub");
        var bundle = (string)(await house.AsAsync(0, "owner", record))["subject"]!;
        var shown = await house.AsAsync(0, "owner", "endorsements", "show");
        Assert.Equal(bundle, (string)shown["bundle"]!);
        var said = new JsonObject
        {
            ["at"] = (string)shown["collected"]!, ["bundle"] = bundle, ["collected"] = (string)shown["collected"]!, ["collector"] = "lab", ["index"] = (long)shown["index"]! - 1,
        };
        await using (await LyingBroker.StartAsync(house, "/v1/endorsements", said.ToJsonString()))
            Assert.Contains("does not put the endorsements on record", (await house.AsAsync("liar", "endorsements", "show")).Error, StringComparison.Ordinal);
        Assert.Equal(1, (await house.AsAsync("owner", record)).Code); // only newer ones follow

        var asked = await house.AsAsync(0, "owner", "machine", "challenge", "sev-snp", "--out", "challenge");
        Assert.Equal(64, ((string)asked["nonce"]!).Length);
        Assert.Equal(64, (await house.AsAsync("owner", "machine", "challenge", "sgx", "--out", "other")).Code);
        await File.WriteAllTextAsync(house.At("answer"), "{}");
        Assert.Equal(2, (await house.AsAsync("owner", "machine", "enrol", "--challenge", "challenge", "--evidence", "answer", "--yes")).Code);
        Assert.Equal(64, (await house.AsAsync("owner", "machine", "enrol", "--challenge", "challenge", "--yes")).Code);
        Assert.Equal(64, (await house.AsAsync("owner", "machine", "enrol", "--tee", "nitro", "--pcrs", "0", "--yes")).Code);
        Assert.Equal(3, (await house.AsAsync("owner", "machine", "enrol", "--tee", "nitro", "--yes")).Code); // this machine is none
    }
}
