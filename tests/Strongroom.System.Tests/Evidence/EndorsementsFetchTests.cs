using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Strongroom.System.Tests.Sealing;
using Strongroom.Tests.Attestation.Dcap;
using Strongroom.Tests.Attestation.Snp;

namespace Strongroom.System.Tests.Evidence;

/// <summary>A vendor's service that answers as its documents say, or as a test wants; the command asks it as a mirror.</summary>
public sealed class EndorsementsFetchTests : IAsyncLifetime
{
    private readonly string directory = Directory.CreateTempSubdirectory("strongroom-fetch-").FullName;
    private readonly ConcurrentQueue<string> asked = new();
    private readonly SnpScene scene = new();
    private Func<HttpContext, Task> answer = context => Refuse(context, 404);
    private WebApplication app = null!;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        app = builder.Build();
        app.Run(async context =>
        {
            asked.Enqueue(context.Request.Path + context.Request.QueryString);
            await answer(context);
        });
        await app.StartAsync();
        await File.WriteAllBytesAsync(At("report"), scene.Signed());
        await File.WriteAllBytesAsync(At("quote"), new TestPlatform("tdx").Quote());
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task What_a_verdict_lacks_is_asked_for_one_thing_after_the_other_and_what_is_there_is_not_asked_again()
    {
        var busy = true;
        answer = async context =>
        {
            if (busy)
            {
                busy = false;
                context.Response.Headers.RetryAfter = "0";
                await Refuse(context, 429);
            }
            else await context.Response.Body.WriteAsync(context.Request.Path.Value!.EndsWith("/cert_chain", StringComparison.Ordinal) ? Pem(scene.Amd.Chips, scene.Amd.Root) : scene.Leaf);
        };
        var (code, output, error) = await FetchAsync("amd", "report");
        Assert.True(code == 0, output + error);
        Assert.Contains("asking https://kdsintf.amd.com/", error, StringComparison.Ordinal);
        var chip = $"/vcek/v1/Milan/{Convert.ToHexStringLower(scene.Report.AsSpan(0x1A0, 64))}?blSPL=04&teeSPL=03&snpSPL=02&ucodeSPL=200";
        Assert.Equal([chip, chip, "/vcek/v1/Milan/cert_chain"], asked); // the first one twice: the service was busy

        Assert.Equal(2, Directory.GetFiles(At("got")).Length);
        asked.Clear();
        Assert.Equal(0, (await FetchAsync("amd", "report")).Code);
        Assert.Empty(asked);
    }

    [Fact]
    public async Task The_certificates_in_Intels_headers_are_kept_beside_the_answer()
    {
        var files = Collateral();
        answer = async context =>
        {
            if (context.Request.Path.Value!.EndsWith("/tcb", StringComparison.Ordinal))
            {
                context.Response.Headers["TCB-Info-Issuer-Chain"] = Uri.EscapeDataString(global::System.Text.Encoding.ASCII.GetString(files["chain.pem"]));
                await context.Response.Body.WriteAsync(files["tcb.json"]);
            }
            else await Refuse(context, 404);
        };
        var (code, _, error) = await FetchAsync("intel", "quote");
        Assert.Equal(3, code); // the quoting enclave's identity is not there
        Assert.Contains("404", error, StringComparison.Ordinal);
        var chain = Assert.Single(Directory.GetFiles(At("got")), file => file.EndsWith("-tcb-info-issuer-chain", StringComparison.Ordinal));
        Assert.Equal(files["chain.pem"], await File.ReadAllBytesAsync(chain));
        Assert.Contains("/tdx/certification/v4/tcb?fmspc=90c06f000000", asked);
        Assert.Contains("/tdx/certification/v4/qe/identity", asked);
    }

    [Fact]
    public async Task A_service_that_stays_busy_is_given_up_and_nothing_is_written()
    {
        answer = context =>
        {
            context.Response.Headers.RetryAfter = "0";
            return Refuse(context, 503);
        };
        var (code, _, error) = await FetchAsync("amd", "report");
        Assert.Equal((3, 5), (code, asked.Count));
        Assert.Contains("5 times", error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(At("got")));
    }

    [Theory]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA")]
    [InlineData("busy, come back later")]
    [InlineData("")]
    public async Task An_answer_that_is_nothing_of_a_vendors_is_told_and_spoils_nothing(string said)
    {
        Directory.CreateDirectory(At("got"));
        await File.WriteAllBytesAsync(At("got/chain"), Pem(scene.Amd.Chips, scene.Amd.Root));
        answer = async context => await context.Response.WriteAsync(said);
        var (code, _, error) = await FetchAsync("amd", "report");
        Assert.Equal(3, code);
        Assert.Contains("vcek", error, StringComparison.Ordinal);
        Assert.Equal([At("got/chain")], Directory.GetFiles(At("got")));
        Assert.Equal(["got", "quote", "report"], Directory.GetFileSystemEntries(directory).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task A_redirection_leads_nowhere()
    {
        answer = context =>
        {
            context.Response.Redirect("/elsewhere");
            return Task.CompletedTask;
        };
        Assert.Equal(3, (await FetchAsync("amd", "report")).Code);
        Assert.Single(asked);
    }

    [Theory]
    [InlineData("amd")]
    [InlineData("somebody=http://127.0.0.1")]
    [InlineData("amd=file:///etc/passwd")]
    public async Task A_mirror_of_nobody_is_a_usage_error(string mirror) =>
        Assert.Equal(64, (await CliProcess.RunAsync(directory, "endorsements", "fetch", "report", "got", "--mirror", mirror)).Code);

    private static Task Refuse(HttpContext context, int status)
    {
        context.Response.StatusCode = status;
        return Task.CompletedTask;
    }

    private static byte[] Pem(params byte[][] certificates) => global::System.Text.Encoding.ASCII.GetBytes(string.Join('\n', certificates.Select(each => PemEncoding.WriteString("CERTIFICATE", each))));

    private static Dictionary<string, byte[]> Collateral()
    {
        Dictionary<string, byte[]> files = [];
        new TestPlatform("tdx") { Files = all => files = new(all) }.Endorsements();
        return files;
    }

    private Task<(int Code, string Output, string Error)> FetchAsync(string vendor, string evidence) => CliProcess.RunAsync(directory, "endorsements", "fetch", evidence, "got", "--mirror", $"{vendor}={app.Urls.First()}");

    private string At(string name) => Path.Combine(directory, name);
}
