using System.Diagnostics;
using System.Net.Http.Json;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Sealing;
using Strongroom.System.Tests.Enclave;

namespace Strongroom.System.Tests.Collect;

/// <summary>Whole runs of the enclave's program in guests with a TEE: from the kernel's report, by the real system calls, to the answer of a model and the end of its lease.</summary>
public sealed class TeeWalkTests(TeeHouse house) : IClassFixture<TeeHouse>
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task A_guest_gets_a_key_answers_renews_by_fresh_evidence_and_ends_with_its_lease_once_endorsements_are_stale()
    {
        await house.BuiltAsync();
        var request = await house.ApprovedAsync(house.Snp, "--lease", "1m", "--valid", "4m");
        var end = (DateTimeOffset)(await house.House.AsAsync(0, "olga", "request", "show", request))["command"]!["expires"]!;
        house.Clock.Set(end - Lease); // no lease outlives its request
        await house.EndorseAsync(stale: end - Lease / 2);
        using var enclave = house.Run(house.SnpGuest, "auto", request);
        Assert.Equal("sev-snp", (string?)(await enclave.ExpectAsync("evidence"))["kind"]);
        Assert.Equal("locked", (string?)(await enclave.ExpectAsync("reserved"))["memory"]);
        var address = (string)(await enclave.ExpectAsync("ready"))["address"]!;
        using var client = enclave.Client(address);
        Assert.Equal("text_completion", (string?)(await CompleteAsync(client))["object"]);
        Assert.Equal("renewed for 15 s", (string?)(await enclave.ExpectAsync("lease"))["words"]);
        house.Clock.Set(house.Stale.AddSeconds(1)); // and the lease stands still
        Assert.Contains("endorsements are missing or stale", (string)(await enclave.ExpectAsync("lease"))["words"]!, StringComparison.Ordinal);
        await CompleteAsync(client);
        Assert.Equal("the lease ended", (string?)(await enclave.ExpectAsync("ended"))["reason"]);
        Assert.Equal(1, await enclave.ExitAsync());
        await house.EndorseAgainAsync();
        await RequireAuditAsync();
    }

    [Fact]
    public async Task A_domain_of_TDX_walks_the_same_way()
    {
        await house.BuiltAsync();
        using var enclave = house.Run(house.TdxGuest, "tdx", await house.ApprovedAsync(house.Tdx));
        using var client = enclave.Client((string)(await enclave.ExpectAsync("ready"))["address"]!);
        await CompleteAsync(client);
        using var told = Process.Start("kill", ["-TERM", $"{enclave.Id}"]);
        Assert.Equal(0, await enclave.ExitAsync());
    }

    [Fact]
    public async Task A_report_played_back_is_refused()
    {
        var honest = await HonestAsync();
        house.SnpGuest.Module = PlayedBack(honest);
        await RefusedAsync("composite.2.bound");
        house.SnpGuest.Module = honest;
    }

    [Fact]
    public async Task A_GPUs_answer_played_back_is_refused_though_the_processor_signed_that_it_was_given()
    {
        await house.BuiltAsync();
        house.SnpGuest.Gpu!.Nonce = new byte[32];
        await RefusedAsync("gpu0.gpu.5");
        house.SnpGuest.Gpu.Nonce = null;
    }

    [Fact]
    public async Task Another_chip_says_so_itself_and_one_that_first_gives_itself_out_for_the_machine_is_refused()
    {
        var honest = await HonestAsync();
        var other = TeeHouse.Module(house.OtherSnp);
        house.SnpGuest.Module = other;
        await RefusedAsync($"this is {TeeHouse.MachineOf(house.OtherSnp)}");
        var asked = 0;
        house.SnpGuest.Module = honest with { Report = challenge => (asked++ == 0 ? honest : other).Report(challenge) };
        await RefusedAsync("identity: the evidence is of another machine");
        house.SnpGuest.Module = honest;
    }

    [Fact]
    public async Task The_program_enrols_no_machine_of_test_vendors()
    {
        await house.BuiltAsync();
        var (code, _, error) = await TeeHouse.InAsync(house.SnpGuest, "machine", "enrol", "--tee", "sev-snp", "--yes", "--profile", house.House.At("people/olga.json"));
        Assert.True(code == 1, error);
        Assert.Contains("cpu.snp.3", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_guest_of_the_KBS_protocol_that_has_nothing_of_ours_gets_the_keys_that_people_approved()
    {
        if (!Directory.Exists("/usr/lib/python3/dist-packages/jwcrypto")) Assert.Skip("python3-jwcrypto is not here: ./test installs it");
        await house.BuiltAsync();
        var request = await house.OpenAsync(house.Tdx, "elsewhere");
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(house.House.At("broker/tls.pem"));
        var guest = house.TdxGuest.Command(
            "/usr/bin/python3", Path.Combine(AppContext.BaseDirectory, "Collect", "kbs_guest.py"), new Uri((string)house.Profile["broker"]!).Authority, Digest.Of(certificate.RawData).ToString(), $"storyteller/1/{request}");
        var (code, _, error) = await TeeHouse.RunAsync(guest);
        Assert.Equal(1, code);
        Assert.Contains("approval by 1 person of group owners", error, StringComparison.Ordinal);
        await house.ApproveAsync(request);
        (code, var keys, error) = await TeeHouse.RunAsync(guest);
        Assert.True(code == 0, error);
        Assert.Equal(3 * ContentKeys.SizeInBytes, Convert.FromHexString(keys.Trim()).Length); // a key for each of the model's files
    }

    private async Task<TsmModule> HonestAsync()
    {
        await house.BuiltAsync();
        return house.SnpGuest.Module;
    }

    /// <summary>An enclave for the machine that people approved gets no key, and is told why; the request stands as it stood.</summary>
    private async Task RefusedAsync(string because)
    {
        using var enclave = house.Run(house.SnpGuest, "sev-snp", await house.StandingAsync());
        Assert.Equal(1, await enclave.ExitAsync());
        Assert.Contains(because, enclave.Errors, StringComparison.Ordinal);
    }

    /// <summary>Answers every challenge with what it answered the first.</summary>
    private static TsmModule PlayedBack(TsmModule honest)
    {
        var old = honest.Report(new byte[64]);
        return honest with { Report = _ => old };
    }

    private static async Task<JsonNode> CompleteAsync(HttpClient client)
    {
        using var response = await client.PostAsJsonAsync("v1/completions", new { model = "storyteller", prompt = "In the beginning", max_tokens = 4 }, TestContext.Current.CancellationToken);
        response.EnsureSuccessStatusCode();
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
    }

    private async Task RequireAuditAsync()
    {
        var profile = house.Profile;
        await house.House.MustAsync(0, "ledger", "copy", (string)profile["broker"]!, "copy");
        string[] whose = [house.House.At("copy"), "--key", (string)profile["ledger_key"]!, "--witness", (string)profile["witnesses"]![0]!];
        var sound = await house.VerifyingAsync(["ledger", "verify", .. whose]);
        Assert.True((bool)sound["sound"]!);
        Assert.True((long)sound["grants"]! > 0);
        Assert.Equal((long)sound["decisions"]!, (long)(await house.VerifyingAsync(["ledger", "replay", .. whose]))["decisions"]!);
    }
}
