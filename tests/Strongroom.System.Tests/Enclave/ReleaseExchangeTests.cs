using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Enclave.Loader;
using Strongroom.Enclave.Memory;
using Strongroom.Facts;
using Strongroom.Ledger;
using Strongroom.Protocol;

namespace Strongroom.System.Tests.Enclave;

/// <summary>spec/release-protocol.md, "Checks of the enclave": a broker that holds every key but not the truth, and an enclave that finds each lie.</summary>
public sealed class ReleaseExchangeTests : IAsyncLifetime
{
    private readonly HpkePrivateKey key = HpkePrivateKey.Generate("x25519");
    private EnclaveSetup setup = null!;
    private HttpClient http = null!;

    public async ValueTask InitializeAsync()
    {
        setup = await EnclaveSetup.CreateAsync();
        http = PinnedBroker.Connect(new(setup.Broker.Address), setup.Broker.Pin);
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        key.Dispose();
        await setup.DisposeAsync();
    }

    [Fact]
    public async Task A_proved_grant_about_this_exchange_opens_the_keys()
    {
        var granted = Assert.IsType<Release.Granted>(await AskAsync());
        using var keys = granted.Grant.OpenKeys(key);
        Assert.True(keys.Span.SequenceEqual(setup.Model.FileKeys));
    }

    [Fact]
    public async Task Refuses_a_grant_without_a_proof()
    {
        setup.Broker.Grant = grant => grant with { Proof = "" };
        await RefusesAsync("no proof");
    }

    [Fact]
    public async Task Refuses_the_proof_of_another_entry()
    {
        setup.Broker.Grant = grant => grant with { Proof = setup.Broker.Prove("another entry"u8) };
        await RefusesAsync("does not have this one");
    }

    [Fact]
    public async Task Refuses_a_proof_that_no_witness_cosigned()
    {
        setup.Broker.Grant = grant => grant with { Proof = setup.Broker.Prove(grant.Entry.Span, cosigned: false) };
        await RefusesAsync("example.org/witness has not signed");
    }

    [Fact]
    public async Task Refuses_a_cosignature_by_another_witness()
    {
        using var other = ScriptedBroker.NewKey();
        var named = new Cosigner(other, setup.Broker.Witness.Verifier.Name);
        setup.Broker.Grant = grant =>
        {
            var proof = LedgerProof.Parse(setup.Broker.Prove(grant.Entry.Span, cosigned: false));
            var line = named.Cosign(Checkpoint.Parse(proof.Checkpoint.Text), DateTimeOffset.UtcNow);
            return grant with { Proof = (proof with { Checkpoint = proof.Checkpoint.With([line]) }).ToString() };
        };
        await RefusesAsync("example.org/witness has not signed");
    }

    [Fact]
    public Task Refuses_a_decision_about_another_nonce() =>
        LiesAsync(decided => decided with { Transcript = decided.Transcript with { Nonce = new byte[32] } }, "another challenge");

    [Fact]
    public Task Refuses_a_decision_about_another_key() =>
        LiesAsync(decided => decided with { Transcript = decided.Transcript with { HpkeKey = HpkePrivateKey.Generate("x25519").PublicKey } }, "another enclave");

    [Fact]
    public Task Refuses_a_decision_about_other_memory() =>
        LiesAsync(decided => decided with { Transcript = decided.Transcript with { Memory = "locked" } }, "another enclave");

    [Fact]
    public Task Refuses_a_decision_on_other_evidence() => LiesAsync(decided => decided with { Evidence = Digest.Of("other"u8) }, "other evidence");

    [Fact]
    public Task Refuses_a_decision_about_another_version_of_the_model() => LiesAsync(decided => decided with { Version = 2 }, "here lies tiny 1");

    [Fact]
    public Task Refuses_a_decision_that_does_not_allow() =>
        LiesAsync(decided => decided with { Outcome = Outcome.Denied, Grant = null, Reasons = ["no"] }, "no decision to release");

    [Fact]
    public Task Refuses_a_lease_of_another_exchange() =>
        LiesAsync(decided => decided with { Grant = decided.Grant! with { Lease = "lease-00112233445566778899aabbccddeeff" } }, "another lease");

    [Fact]
    public Task Refuses_a_lease_of_no_length() => LiesAsync(decided => decided with { Grant = decided.Grant! with { Seconds = 0 } }, "over before it begins");

    [Theory]
    [InlineData("ledger")]
    [InlineData("request")]
    [InlineData("model_digest")]
    [InlineData("machine")]
    [InlineData("hpke_key")]
    [InlineData("broker_key")]
    [InlineData("memory")]
    [InlineData("configuration")]
    [InlineData("nonce")]
    [InlineData("files")]
    public async Task Signs_for_no_transcript_that_differs_from_what_it_asked_in(string member)
    {
        using var other = HpkePrivateKey.Generate("x25519");
        var digest = Digest.Of("another"u8);
        setup.Broker.Challenge = transcript => member switch
        {
            "ledger" => transcript with { Ledger = "example.org/another" },
            "request" => transcript with { Request = "request-ffffffffffffffffffffffffffffffff" },
            "model_digest" => transcript with { ModelDigest = digest },
            "machine" => transcript with { Machine = "machine-ffffffffffffffffffffffffffffffff" },
            "hpke_key" => transcript with { HpkeKey = other.PublicKey },
            "broker_key" => transcript with { BrokerKey = digest },
            "memory" => transcript with { Memory = "locked" },
            "configuration" => transcript with { Configuration = digest },
            "nonce" => transcript with { Nonce = new byte[16] },
            _ => transcript with { Files = ["no-such-file"] },
        };
        await RefusesAsync($"wrong in {member}");
    }

    [Fact]
    public async Task Keys_sealed_for_another_decision_do_not_open()
    {
        setup.Broker.Grant = grant => grant with { SealedKeys = Hpke.Seal(key.PublicKey, ReleaseDecided.HpkeInfo(Digest.Of("other"u8)), [], setup.Model.FileKeys) };
        var granted = Assert.IsType<Release.Granted>(await AskAsync());
        Assert.Throws<global::System.Security.Cryptography.AuthenticationTagMismatchException>(() => granted.Grant.OpenKeys(key));
    }

    [Fact]
    public async Task Talks_to_no_broker_with_another_key()
    {
        using var wrong = PinnedBroker.Connect(new(setup.Broker.Address), new(Digest.Of("another key"u8)));
        await Assert.ThrowsAsync<UnavailableException>(() => Exchange(wrong).AskAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_proved_renewal_gives_the_new_length()
    {
        var exchange = Exchange(http);
        var granted = Assert.IsType<Release.Granted>(await exchange.AskAsync(TestContext.Current.CancellationToken));
        Assert.Equal(TimeSpan.FromSeconds(600), await exchange.RenewAsync(granted.Grant.Lease.Lease, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_denied_renewal_is_refused_with_its_reason()
    {
        var exchange = Exchange(http);
        var granted = Assert.IsType<Release.Granted>(await exchange.AskAsync(TestContext.Current.CancellationToken));
        setup.Broker.Renew = () => null;
        var refusal = await Assert.ThrowsAsync<RefusedException>(() => exchange.RenewAsync(granted.Grant.Lease.Lease, TestContext.Current.CancellationToken));
        Assert.Contains("the policy has changed", refusal.Message);
    }

    private Task LiesAsync(Func<ReleaseDecided, LedgerRecord> lie, string reason)
    {
        setup.Broker.Decide = lie;
        return RefusesAsync(reason);
    }

    private async Task RefusesAsync(string reason) => Assert.Contains(reason, (await Assert.ThrowsAsync<RefusedException>(AskAsync)).Message);

    private Task<Release> AskAsync() => Exchange(http).AskAsync(TestContext.Current.CancellationToken);

    private ReleaseExchange Exchange(HttpClient to)
    {
        var pins = new Pins(setup.Broker.Pin.Key, setup.Broker.Ledger.Verifier, [setup.Broker.Witness.Verifier], [setup.Model.Publisher.PublicKey]);
        var machine = new DevelopmentMachine(Ed25519PrivateKey.FromSeed(setup.MachineSeed));
        return new(new BrokerClient(to), pins, machine, key.PublicKey, ScriptedBroker.Request, MemoryKind.Secret, setup.Model.Manifest, new BootClock());
    }
}
