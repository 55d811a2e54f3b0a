using System.Net;
using System.Text;
using Strongroom.Attestation.Appraisal;
using Strongroom.Broker.Endorsements;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Tests.Endorsements;

/// <summary>Vendors' collateral, put on record over HTTP.</summary>
public sealed class EndorsementsTests : IAsyncLifetime
{
    private readonly Ed25519PrivateKey collector = Ed25519PrivateKey.FromSeed(Digest.Of("collector"u8).Span);
    private TestBroker broker = null!;
    private TestPerson @operator = null!;

    public async ValueTask InitializeAsync()
    {
        broker = await TestBroker.StartAsync();
        @operator = await broker.EnrolAsync(Groups.Operators);
        await broker.ChangeAsync(new AddCollector("lab", collector.PublicKey));
    }

    public async ValueTask DisposeAsync()
    {
        await broker.DisposeAsync();
        collector.Dispose();
    }

    [Fact]
    public async Task An_operator_records_a_bundle_and_everybody_reads_it()
    {
        await TestBroker.RefusedAsync("not-found", await broker.Client.GetAsync("/v1/endorsements"));
        var (upload, record) = Upload();
        await TestBroker.MustAsync(HttpStatusCode.OK, await SendAsync(upload));
        var reply = await broker.GetAsync("/v1/endorsements", ProtocolJson.Default.EndorsementsReply);
        Assert.Equal((record.Bundle, "lab", record.Collected), (reply.Bundle, reply.Collector, reply.Collected));
        Assert.Equal(upload.Bundle.ToArray(), await broker.Client.GetByteArrayAsync($"/blob/{reply.Bundle}"));
    }

    [Fact]
    public async Task A_bundle_on_record_that_cannot_be_read_is_not_the_fault_of_who_gives_evidence()
    {
        var (upload, record) = Upload();
        await TestBroker.MustAsync(HttpStatusCode.OK, await SendAsync(upload));
        using var shelf = new EndorsementShelf(broker.Host.Ledger, _ => throw new MalformedException(-1, "written by another version"));
        var e = await Assert.ThrowsAsync<UnavailableException>(async () => await shelf.OnRecordAsync(broker.State, TestContext.Current.CancellationToken));
        Assert.Contains($"{record.Bundle} on record cannot be read", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_older_bundle_is_refused_and_the_refusal_recorded()
    {
        await TestBroker.MustAsync(HttpStatusCode.OK, await SendAsync(Upload().Upload));
        var before = broker.State.Size;
        Assert.Contains("only newer ones follow", await TestBroker.RefusedAsync("refused", await SendAsync(Upload(days: -1).Upload)), StringComparison.Ordinal);
        Assert.IsType<CommandRefused>(await broker.EntryAsync(before));
    }

    [Fact]
    public async Task A_bundle_of_another_key_is_refused_and_nothing_is_written()
    {
        var before = broker.State.Size;
        using var other = Ed25519PrivateKey.FromSeed(Digest.Of("other"u8).Span);
        Assert.Contains("is not signed by the key on record for lab", await TestBroker.RefusedAsync("refused", await SendAsync(Upload(other).Upload)), StringComparison.Ordinal);
        Assert.Equal(before, broker.State.Size);
    }

    [Fact]
    public async Task A_bundle_that_is_none_is_malformed()
    {
        var (upload, record) = Upload();
        var junk = Encoding.ASCII.GetBytes("{}");
        await TestBroker.RefusedAsync("malformed", await SendAsync(new(@operator.Sign(record with { Bundle = Digest.Of(junk) }), junk)));
        await TestBroker.RefusedAsync("malformed", await broker.SendAsync(upload.Command));
    }

    private (EndorsementUpload Upload, RecordEndorsements Record) Upload(Ed25519PrivateKey? signer = null, int days = 0)
    {
        var (ledger, id, by, at) = broker.By(@operator);
        var bundle = EndorsementBundle.Sign(at.AddDays(days), [new("{}"u8.ToArray(), "tcb.json")], signer ?? collector);
        var record = new RecordEndorsements(ledger, id, by, at, "lab", Timestamp.WholeSecond(at.AddDays(days)), Digest.Of(bundle));
        return (new(@operator.Sign(record), bundle), record);
    }

    private Task<HttpResponseMessage> SendAsync(EndorsementUpload upload) => broker.PostAsync("/v1/endorsements", upload, ProtocolJson.Default.EndorsementUpload);
}
