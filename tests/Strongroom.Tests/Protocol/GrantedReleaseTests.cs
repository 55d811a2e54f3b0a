using System.Security.Cryptography;
using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Ledger;
using Strongroom.Protocol;
using Strongroom.Tests.Facts;
using Strongroom.Tests.Ledger;

namespace Strongroom.Tests.Protocol;

/// <summary>No proof, no key: the checks of the enclave, spec/release-protocol.md "Checks of the enclave". Each test is a broker that lies in one point.</summary>
public sealed class GrantedReleaseTests
{
    private static readonly byte[] FileKeys = RandomNumberGenerator.GetBytes(64);

    private readonly Town town = Town.Furnished();

    [Fact]
    public async Task Opens_the_keys_when_everything_is_right()
    {
        var (grant, transcript, trust) = await Granted();
        var release = GrantedRelease.Check(grant, [transcript], trust, DangerousEvidence.Development);
        using var keys = release.OpenKeys(town.Enclave);
        Assert.Equal(FileKeys, keys.Span.ToArray());
        Assert.Equal(3600, release.Lease.Seconds);
        Assert.True(release.Lease.CheckTree);
    }

    [Fact]
    public async Task Finds_an_earlier_transcript_of_its_own_again()
    {
        var (grant, transcript, trust) = await Granted();
        var later = town.Transcript(transcript.Request);
        Assert.Same(transcript, GrantedRelease.Check(grant, [later, transcript], trust, DangerousEvidence.Development).Transcript);
    }

    [Fact]
    public async Task Rejects_a_grant_without_a_proof()
    {
        var (grant, transcript, trust) = await Granted();
        Assert.Throws<MalformedException>(() => GrantedRelease.Check(grant with { Proof = "" }, [transcript], trust, DangerousEvidence.Development));
    }

    [Fact]
    public async Task Rejects_an_entry_that_the_proof_does_not_prove()
    {
        var (grant, transcript, trust) = await Granted();
        var decided = (ReleaseDecided)LedgerRecord.Parse(grant.Entry.Span);
        var longer = decided with { Grant = decided.Grant! with { Seconds = 1_000_000 } };
        Assert.Throws<RefusedException>(() => GrantedRelease.Check(grant with { Entry = longer.ToEntry() }, [transcript], trust, DangerousEvidence.Development));
    }

    [Fact]
    public async Task Rejects_a_ledger_or_witness_that_is_not_pinned()
    {
        var (grant, transcript, trust) = await Granted();
        using var key = Town.NewKey();
        var ledger = new VerifierKey(Town.Origin, NoteAlgorithm.Ed25519, key.PublicKey);
        var witness = new VerifierKey(trust.Witnesses[0].Name, NoteAlgorithm.Cosignature, key.PublicKey);
        var second = new VerifierKey("second.example/1", NoteAlgorithm.Cosignature, key.PublicKey);
        LedgerTrust[] pins =
        [
            new(Town.Origin, ledger, trust.Witnesses), new(Town.Origin, trust.Ledger, [witness]), new(Town.Origin, trust.Ledger, [.. trust.Witnesses, second]),
        ];
        Assert.All(pins, pin => Assert.Throws<RefusedException>(() => GrantedRelease.Check(grant, [transcript], pin, DangerousEvidence.Development)));
    }

    [Fact]
    public async Task Rejects_a_grant_for_another_challenge()
    {
        var (grant, transcript, trust) = await Granted();
        var other = transcript with { Nonce = RandomNumberGenerator.GetBytes(32) };
        Assert.Throws<RefusedException>(() => GrantedRelease.Check(grant, [other], trust, DangerousEvidence.Development));
    }

    [Fact]
    public async Task Rejects_a_grant_for_another_key_memory_model_or_configuration()
    {
        var (grant, transcript, trust) = await Granted();
        using var key = HpkePrivateKey.Generate();
        Transcript[] others =
        [
            transcript with { HpkeKey = key.PublicKey }, transcript with { Memory = "locked" }, transcript with { ModelDigest = Digest.Of([]) },
            transcript with { Configuration = Digest.Of([]) }, transcript with { Files = ["a"] }, transcript with { BrokerKey = Digest.Of([]) },
        ];
        Assert.All(others, other => Assert.Throws<RefusedException>(() => GrantedRelease.Check(grant, [other], trust, DangerousEvidence.Development)));
    }

    [Fact]
    public async Task Rejects_a_decision_that_is_no_grant()
    {
        var transcript = town.Transcript(town.Approved(town.Owner1));
        var decision = town.Ask(transcript, town.Evidence(transcript.Digest()));
        Assert.Equal(Outcome.Pending, decision.Record.Outcome);
        await using var ledger = await Logged();
        var receipt = await ledger.ReceiptAsync(ledger.Size - 1, TestContext.Current.CancellationToken);
        Assert.Throws<RefusedException>(() => GrantedRelease.Check(Reply(receipt), [transcript], ledger.Trust, DangerousEvidence.Development));
    }

    [Fact]
    public async Task Rejects_development_evidence_unless_started_for_it()
    {
        var (grant, transcript, trust) = await Granted();
        Assert.Throws<RefusedException>(() => GrantedRelease.Check(grant, [transcript], trust, DangerousEvidence.None));
    }

    [Fact]
    public async Task Cannot_open_keys_that_were_sealed_for_another_decision()
    {
        var (grant, transcript, trust) = await Granted();
        var elsewhere = grant with { SealedKeys = Hpke.Seal(town.Enclave.PublicKey, ReleaseDecided.HpkeInfo(Digest.Of("another leaf"u8)), [], FileKeys) };
        Assert.Throws<AuthenticationTagMismatchException>(() => GrantedRelease.Check(elsewhere, [transcript], trust, DangerousEvidence.Development).OpenKeys(town.Enclave));
    }

    [Fact]
    public async Task Cannot_open_keys_with_another_key()
    {
        var (grant, transcript, trust) = await Granted();
        using var thief = HpkePrivateKey.Generate();
        Assert.Throws<AuthenticationTagMismatchException>(() => GrantedRelease.Check(grant, [transcript], trust, DangerousEvidence.Development).OpenKeys(thief));
    }

    [Fact]
    public async Task Believes_a_renewal_only_for_its_own_lease_and_challenge()
    {
        var lease = town.Leased(town.Approved(town.Owner1, town.Owner2));
        var renewed = town.Renew(lease).Record;
        await using var ledger = await Logged();
        var receipt = await ledger.ReceiptAsync(ledger.Size - 1, TestContext.Current.CancellationToken);
        var reply = new RenewalReply(receipt.Entry, receipt.Proof);
        Assert.Equal(3600, GrantedRenewal.Check(reply, renewed.Transcript, ledger.Trust).Seconds);
        Assert.Throws<RefusedException>(() => GrantedRenewal.Check(reply, town.Renewal(lease), ledger.Trust));
        var grant = await ledger.ReceiptAsync(lease.Index, TestContext.Current.CancellationToken);
        Assert.Throws<RefusedException>(() => GrantedRenewal.Check(new(grant.Entry, grant.Proof), renewed.Transcript, ledger.Trust));
    }

    [Fact]
    public async Task Does_not_take_a_refused_renewal_for_one()
    {
        var lease = town.Leased(town.Approved(town.Owner1, town.Owner2));
        town.Write(town.Revoke(lease.Id));
        var denied = town.Renew(lease).Record;
        await using var ledger = await Logged();
        var receipt = await ledger.ReceiptAsync(ledger.Size - 1, TestContext.Current.CancellationToken);
        Assert.Throws<RefusedException>(() => GrantedRenewal.Check(new(receipt.Entry, receipt.Proof), denied.Transcript, ledger.Trust));
    }

    private async Task<(GrantReply Reply, Transcript Transcript, LedgerTrust Trust)> Granted()
    {
        var transcript = town.Transcript(town.Approved(town.Owner1, town.Owner2));
        Assert.NotNull(town.Ask(transcript, town.Evidence(transcript.Digest())).Record.Grant);
        await using var ledger = await Logged();
        return (Reply(await ledger.ReceiptAsync(ledger.Size - 1, TestContext.Current.CancellationToken)), transcript, ledger.Trust);
    }

    private GrantReply Reply(LedgerReceipt receipt) =>
        new(receipt.Entry, receipt.Proof, Hpke.Seal(town.Enclave.PublicKey, ReleaseDecided.HpkeInfo(receipt.LeafHash), [], FileKeys), true);

    private async Task<MemoryLedger> Logged()
    {
        var ledger = await MemoryLedger.OpenedAsync(Town.Origin);
        await Task.WhenAll(town.Entries.Select(entry => ledger.AppendAsync(entry, [], TestContext.Current.CancellationToken)));
        return ledger;
    }
}
