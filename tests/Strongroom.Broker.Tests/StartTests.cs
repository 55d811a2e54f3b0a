using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Keys;
using Strongroom.Ledger;
using Strongroom.Protocol;

namespace Strongroom.Broker.Tests;

/// <summary>A broker that is not exactly the one that people founded does not start.</summary>
public sealed class StartTests : IAsyncLifetime
{
    private TestBroker broker = null!;

    public async ValueTask InitializeAsync()
    {
        broker = await TestBroker.StartAsync();
        await broker.StopAsync();
    }

    public ValueTask DisposeAsync() => broker.DisposeAsync();

    [Fact]
    public async Task Without_a_witness_to_trust_it_does_not_start()
    {
        var unpinned = System.Text.Encoding.UTF8.GetString(Configuration.ToBytes());
        broker.Write("broker.json", System.Text.Encoding.UTF8.GetBytes(unpinned[..(unpinned.IndexOf("\"witnesses\":", StringComparison.Ordinal))] + "\"witnesses\":[]}"));
        var refused = await Assert.ThrowsAsync<MalformedException>(() => broker.StartAgainAsync());
        Assert.Contains("no witness", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_another_witness_than_people_founded_it_with_it_does_not_start()
    {
        using var other = new TestWitness(broker.Clock);
        broker.Write("broker.json", (Configuration with { Witnesses = [new("https://witness.test", other.Cosigner.Verifier.ToString())] }).ToBytes());
        Assert.Contains("witnesses", (await Assert.ThrowsAsync<RefusedException>(() => broker.StartAgainAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_another_certificate_it_does_not_start()
    {
        await using var other = await TestBroker.StartAsync();
        foreach (var file in (string[])["tls.pem", "tls.key"]) broker.Write(file, File.ReadAllBytes(Path.Combine(other.Directory, file)));
        Assert.Contains("certificate", (await Assert.ThrowsAsync<RefusedException>(() => broker.StartAgainAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_another_ledger_key_it_does_not_start()
    {
        File.Delete(Path.Combine(broker.Directory, "ledger.key"));
        DirectoryKeys.WriteLedgerKey(Path.Combine(broker.Directory, "ledger.key"));
        Assert.Contains("ledger.key", (await Assert.ThrowsAsync<RefusedException>(() => broker.StartAgainAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_a_key_that_others_may_read_it_does_not_start()
    {
        File.SetUnixFileMode(Path.Combine(broker.Directory, "ledger.key"), UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.Contains("ledger.key", (await Assert.ThrowsAsync<RefusedException>(() => broker.StartAgainAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_custody_key_under_a_passphrase_opens_with_it_and_with_no_other()
    {
        var (path, right, wrong) = (Path.Combine(broker.Directory, "sealed.key"), Path.Combine(broker.Directory, "right"), Path.Combine(broker.Directory, "wrong"));
        using (var key = Secret.Random(KeyFile.KeySizeInBytes))
        using (var passphrase = Secret.CopyOf("correct horse"u8)) KeyFile.Write(path, FileKeys.Purpose, key, passphrase);
        broker.Write("right", "correct horse\r\nbattery staple\n"u8.ToArray());
        broker.Write("wrong", "correct hors"u8.ToArray());
        var line = new BrokerOptions(broker.Directory, null, null, "file:sealed.key", DangerDevelopmentEvidence: true);
        using (var directory = BrokerDirectory.Open(line with { PassphraseFile = right })) directory.OpenCustody().Dispose();
        using (var directory = BrokerDirectory.Open(line with { PassphraseFile = wrong }))
            Assert.Equal(1, Failure.Of(Assert.ThrowsAny<Exception>(directory.OpenCustody), "broker").ExitCode);
        await broker.StartAgainAsync(); // the test's own key has none
    }

    [Fact]
    public async Task With_danger_that_nobody_founded_it_with_it_does_not_start()
    {
        await using var strict = await TestBroker.StartAsync(development: false);
        await strict.StopAsync();
        Assert.Contains("danger", (await Assert.ThrowsAsync<RefusedException>(() => strict.StartAgainAsync(development: true))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_the_danger_that_people_founded_it_with_it_does_not_start()
    {
        var refused = await Assert.ThrowsAsync<RefusedException>(() => broker.StartAgainAsync(development: false));
        Assert.Contains("give the broker that option too", refused.Message, StringComparison.Ordinal);
        broker.Write("broker.json", (Configuration with { DangerDevelopmentEvidence = true }).ToBytes());
        await broker.StartAgainAsync(development: false); // the line does not say it, the file does
    }

    [Fact]
    public async Task Without_its_witness_it_does_not_start()
    {
        broker.Witness.Away = true;
        Assert.Equal(3, Failure.Of(await Assert.ThrowsAsync<UnavailableException>(() => broker.StartAgainAsync()), "broker").ExitCode);
    }

    [Fact]
    public async Task A_genesis_with_one_signature_spoiled_is_refused()
    {
        var genesis = (Genesis)LedgerRecord.Parse(File.ReadAllBytes(Path.Combine(broker.Directory, "genesis.json")));
        broker.Write("genesis.json", (genesis with { Signatures = [genesis.Signatures[0], genesis.Signatures[0]] }).ToEntry());
        Assert.Contains(broker.Ben.Id, (await Assert.ThrowsAsync<RefusedException>(() => broker.StartAgainAsync())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://witness.test/")]
    [InlineData("http://192.0.2.1:7441/")]
    [InlineData("http://127.0.0.1.witness.test/")]
    [InlineData("ftp://127.0.0.1/")]
    [InlineData("witness")]
    public async Task With_a_witness_that_plain_http_leads_to_it_does_not_start(string url)
    {
        broker.Write("broker.json", (Configuration with { Witnesses = [Configuration.Witnesses[0] with { Url = url }] }).ToBytes());
        Assert.Contains("http", (await Assert.ThrowsAsync<MalformedException>(() => broker.StartAgainAsync())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:7441")]
    [InlineData("http://localhost:7441/")]
    [InlineData("http://[::1]:7441/")]
    [InlineData("https://witness.test/")]
    public void A_witness_here_or_over_TLS_is_taken(string url) =>
        Assert.Equal(url, new BrokerOptions("d", null, url, null, DangerDevelopmentEvidence: false).Over(Configuration).Witnesses[0].Url);

    [Theory]
    [InlineData("")]
    [InlineData("--listen 127.0.0.1:0")]
    [InlineData("--dir")]
    [InlineData("--dir a --dir b")]
    [InlineData("--dir a --unknown b")]
    [InlineData("--dir a --custody vault:x")]
    [InlineData("--dir a --danger-development-evidence --danger-development-evidence")]
    public void A_line_that_makes_no_sense_is_not_guessed_at(string line) => Assert.Throws<UsageException>(() => BrokerOptions.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)));

    [Fact]
    public void The_line_goes_over_the_file()
    {
        var options = BrokerOptions.Parse(["--dir", "d", "--listen", "127.0.0.1:9", "--witness", "https://elsewhere.test", "--custody", "file:k"]);
        var merged = options.Over(Configuration);
        Assert.Equal(("127.0.0.1:9", "https://elsewhere.test", "file:k", (bool?)null), (merged.Listen, merged.Witnesses[0].Url, merged.Custody, merged.DangerDevelopmentEvidence));
        Assert.Equal(Configuration.Witnesses[0].Key, merged.Witnesses[0].Key);
        Assert.Throws<MalformedException>(() => (options with { Listen = "everywhere" }).Over(Configuration));
    }

    private BrokerConfiguration Configuration => BrokerConfiguration.Parse(File.ReadAllBytes(Path.Combine(broker.Directory, "broker.json")));
}
