using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using Strongroom.Attestation;
using Strongroom.Attestation.Tpm;
using Strongroom.Broker.Tests.Machines;
using Strongroom.Broker.Storage;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;
using Strongroom.Sealing;
using Strongroom.Tests.Attestation;

namespace Strongroom.Broker.Tests.Release;

/// <summary>The walk of one key, and every way to get it that must not work.</summary>
public sealed class ReleaseTests : IAsyncLifetime
{
    private readonly HpkePrivateKey enclave = HpkePrivateKey.Generate();
    private ReleaseScene scene = null!;

    public async ValueTask InitializeAsync() => scene = await ReleaseScene.StartAsync();

    public async ValueTask DisposeAsync()
    {
        enclave.Dispose();
        await scene.DisposeAsync();
    }

    [Fact]
    public async Task A_key_goes_to_the_machine_that_two_people_approved()
    {
        var pending = await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AskAsync(enclave), ProtocolJson.Default.PendingReply);
        Assert.Contains(pending.Missing, missing => missing.Contains("security", StringComparison.Ordinal));
        await scene.ApproveBothAsync();
        var grant = await scene.ReleasedAsync(enclave);
        using var keys = scene.Open(grant, enclave);
        Assert.Equal(3 * ContentKeys.SizeInBytes, keys.Length);
        for (var i = 0; i < 3; i++)
        {
            using var expected = ContentKeys.Derive(scene.ModelKey, scene.Manifest, i);
            Assert.True(expected.Span.SequenceEqual(keys.Span.Slice(i * 32, 32)));
        }
        Assert.True(grant.Development);
        var lease = Assert.Single(scene.Broker.State.Release.Leases.Values);
        Assert.Equal(scene.Broker.Clock.GetUtcNow().AddSeconds(ReleaseScene.LeaseSeconds), lease.Expires);
    }

    [Fact]
    public async Task Only_the_keys_of_the_files_that_were_approved_are_released()
    {
        await scene.OpenAsync(scene.NewRequest(["tokenizer.json"]));
        await scene.ApproveBothAsync();
        using var keys = scene.Open(await scene.ReleasedAsync(enclave), enclave);
        using var expected = ContentKeys.Derive(scene.ModelKey, scene.Manifest, 2);
        Assert.True(expected.Span.SequenceEqual(keys.Span));
    }

    [Fact]
    public async Task The_same_request_with_the_same_key_is_answered_the_same()
    {
        await scene.ApproveBothAsync();
        var (first, size) = (await scene.ReleasedAsync(enclave), scene.Broker.State.Size);
        await scene.Broker.StartAgainAsync();
        var again = await scene.ReleasedAsync(enclave);
        Assert.True(first.SealedKeys.Span.SequenceEqual(again.SealedKeys.Span));
        Assert.True(first.Entry.Span.SequenceEqual(again.Entry.Span));
        Assert.Equal(size, scene.Broker.State.Size);
    }

    [Fact]
    public async Task A_lost_answer_is_made_again_from_the_ledger()
    {
        await scene.ApproveBothAsync();
        await scene.ReleasedAsync(enclave);
        using (var answers = Table.Open(Path.Combine(scene.Broker.Directory, "answers.db"))) answers.Delete(scene.Broker.State.Release.Leases.Keys.Single());
        using var keys = scene.Open(await scene.ReleasedAsync(enclave), enclave);
        Assert.Single(scene.Broker.State.Release.Leases);
    }

    [Fact]
    public async Task Approvals_are_spent_by_one_release_so_a_new_enclave_key_waits_for_new_ones()
    {
        await scene.ApproveBothAsync();
        await scene.ReleasedAsync(enclave);
        using var other = HpkePrivateKey.Generate();
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AskAsync(other));
        Assert.Single(scene.Broker.State.Release.Leases);
    }

    [Fact]
    public async Task A_challenge_is_answered_once()
    {
        await scene.ApproveBothAsync();
        var challenge = await scene.ChallengeAsync(enclave);
        var evidence = scene.Machine.Evidence(challenge.Transcript);
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.AnswerAsync(challenge.Id, evidence));
        await TestBroker.RefusedAsync("challenge-spent", await scene.AnswerAsync(challenge.Id, evidence));
    }

    [Fact]
    public async Task An_answer_sent_by_many_at_once_is_decided_on_once()
    {
        var challenge = await scene.ChallengeAsync(enclave);
        var evidence = scene.Machine.Evidence(challenge.Transcript);
        var responses = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => scene.AnswerAsync(challenge.Id, evidence)));
        Assert.Single(responses, response => response.StatusCode == HttpStatusCode.Accepted);
        foreach (var response in responses.Where(response => response.StatusCode != HttpStatusCode.Accepted)) await TestBroker.RefusedAsync("challenge-spent", response);
    }

    [Fact]
    public async Task A_wrong_answer_spends_no_machines_challenge()
    {
        var challenge = await scene.ChallengeAsync(enclave);
        await TestBroker.RefusedAsync("malformed", await scene.AnswerAsync(challenge.Id, [1, 2, 3]));
        await TestBroker.RefusedAsync("evidence-refused", await scene.AnswerAsync(challenge.Id, new TestMachine().Evidence(challenge.Transcript)));
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AnswerAsync(challenge.Id, scene.Machine.Evidence(challenge.Transcript)));
    }

    [Fact]
    public async Task A_restart_forgets_every_challenge()
    {
        var (answered, open) = (await scene.ChallengeAsync(enclave), await scene.ChallengeAsync(enclave));
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AnswerAsync(answered.Id, scene.Machine.Evidence(answered.Transcript)));
        await scene.Broker.StartAgainAsync();
        foreach (var challenge in (Challenge[])[answered, open])
            await TestBroker.RefusedAsync("challenge-spent", await scene.AnswerAsync(challenge.Id, scene.Machine.Evidence(challenge.Transcript)));
    }

    [Fact]
    public async Task A_challenge_for_some_files_is_a_challenge_for_exactly_these()
    {
        await scene.OpenAsync(scene.NewRequest(["tokenizer.json", "config.json"]));
        var challenge = await scene.ChallengeAsync(enclave);
        Assert.Equal(["tokenizer.json", "config.json"], challenge.Transcript.Files!);
        await TestBroker.RefusedAsync("evidence-refused", await scene.AnswerAsync(challenge.Id, scene.Machine.Evidence(challenge.Transcript with { Files = null })));
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AnswerAsync(challenge.Id, scene.Machine.Evidence(challenge.Transcript)));
    }

    [Fact]
    public async Task A_stale_challenge_is_refused()
    {
        var challenge = await scene.ChallengeAsync(enclave);
        scene.Broker.Clock.Wind(TimeSpan.FromSeconds(60));
        await TestBroker.RefusedAsync("challenge-spent", await scene.AnswerAsync(challenge.Id, scene.Machine.Evidence(challenge.Transcript)));
    }

    [Fact]
    public async Task An_invented_challenge_is_refused() =>
        await TestBroker.RefusedAsync("challenge-spent", await scene.AnswerAsync(new string('a', 32), [1]));

    [Fact]
    public async Task Evidence_replayed_under_a_newer_challenge_is_refused()
    {
        await scene.ApproveBothAsync();
        var old = scene.Machine.Evidence((await scene.ChallengeAsync(enclave)).Transcript);
        var challenge = await scene.ChallengeAsync(enclave);
        await TestBroker.RefusedAsync("evidence-refused", await scene.AnswerAsync(challenge.Id, old));
        Assert.Empty(scene.Broker.State.Release.Leases);
    }

    [Fact]
    public async Task Evidence_for_another_enclaves_key_is_refused()
    {
        await scene.ApproveBothAsync();
        using var thief = HpkePrivateKey.Generate();
        var challenge = await scene.ChallengeAsync(thief);
        // The machine's one measured enclave holds another key than the asker's.
        var evidence = scene.Machine.Evidence(challenge.Transcript.Digest(), EnclaveStart.Of(enclave.PublicKey, scene.Configuration));
        await TestBroker.RefusedAsync("evidence-refused", await scene.AnswerAsync(challenge.Id, evidence));
    }

    [Fact]
    public async Task An_enclave_with_pins_of_its_own_choice_gets_nothing()
    {
        await scene.ApproveBothAsync();
        var challenge = await scene.ChallengeAsync(enclave, configuration: Digest.Of("trusts somebody else"u8));
        var reason = await TestBroker.RefusedAsync("release-denied", await scene.AnswerAsync(challenge.Id, scene.Machine.Evidence(challenge.Transcript)));
        Assert.Contains("other pins", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Evidence_for_another_configuration_is_refused()
    {
        await scene.ApproveBothAsync();
        var challenge = await scene.ChallengeAsync(enclave, configuration: Digest.Of("trusts somebody else"u8));
        var evidence = scene.Machine.Evidence(challenge.Transcript.Digest(), EnclaveStart.Of(enclave.PublicKey, scene.Configuration));
        await TestBroker.RefusedAsync("evidence-refused", await scene.AnswerAsync(challenge.Id, evidence));
    }

    [Fact]
    public async Task A_challenge_for_another_request_does_not_serve_the_approved_one()
    {
        await scene.ApproveBothAsync();
        var approved = scene.RequestId;
        await scene.OpenAsync(scene.NewRequest());
        var other = await scene.ChallengeAsync(enclave);
        var wanted = await scene.ChallengeAsync(enclave, request: approved);
        await TestBroker.RefusedAsync("evidence-refused", await scene.AnswerAsync(wanted.Id, scene.Machine.Evidence(other.Transcript)));
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AskAsync(enclave)); // the other request has no approvals
    }

    [Fact]
    public async Task Another_machine_cannot_answer_for_the_approved_one()
    {
        await scene.ApproveBothAsync();
        var other = new TestMachine();
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.EnrolAsync(other));
        var challenge = await scene.ChallengeAsync(enclave);
        await TestBroker.RefusedAsync("evidence-refused", await scene.AnswerAsync(challenge.Id, other.Evidence(challenge.Transcript)));
    }

    [Fact]
    public async Task A_transcript_names_request_model_machine_key_broker_and_memory()
    {
        var transcript = (await scene.ChallengeAsync(enclave, "locked")).Transcript;
        Assert.Equal(
            (TestBroker.Origin, scene.RequestId, scene.Manifest.ModelDigest, scene.Machine.Id, scene.Broker.BrokerKey, "locked", scene.Configuration),
            (transcript.Ledger, transcript.Request, transcript.ModelDigest, transcript.Machine, transcript.BrokerKey, transcript.Memory, transcript.Configuration));
        Assert.Equal(enclave.PublicKey, transcript.HpkeKey);
        Assert.Equal(Transcript.NonceSizeInBytes, transcript.Nonce.Length);
    }

    [Fact]
    public async Task A_changed_measurement_waits_for_new_approvals_and_then_is_denied_by_reference_values()
    {
        await scene.ApproveBothAsync();
        scene.Machine.Claims["image"] = "enclave-2";
        await TestBroker.RefusedAsync("release-denied", await scene.AskAsync(enclave));
        Assert.Empty(scene.Broker.State.Release.Leases);
    }

    [Fact]
    public async Task A_policy_changed_between_approval_and_release_means_pending_again()
    {
        await scene.ApproveBothAsync();
        await scene.SetPolicyAsync(ReleaseScene.Rule with { MaximumLeaseSeconds = 7200 });
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AskAsync(enclave));
        await scene.ApproveBothAsync();
        await scene.ReleasedAsync(enclave);
    }

    [Fact]
    public async Task A_kind_of_memory_that_the_policy_does_not_name_is_denied()
    {
        await scene.SetPolicyAsync(ReleaseScene.Rule with { Memory = ["secret"] });
        await scene.ApproveBothAsync();
        var challenge = await scene.ChallengeAsync(enclave, "locked");
        await TestBroker.RefusedAsync("release-denied", await scene.AnswerAsync(challenge.Id, scene.Machine.Evidence(challenge.Transcript)));
    }

    [Fact]
    public async Task Memory_of_no_known_kind_is_malformed() => await TestBroker.RefusedAsync(
        "malformed",
        await scene.Broker.PostAsync("/v1/challenges", new(scene.RequestId, enclave.PublicKey, "swap", scene.Configuration), ProtocolJson.Default.ChallengeRequest));

    [Fact]
    public async Task A_stranger_gets_no_challenge_for_a_request_that_does_not_exist() => await TestBroker.RefusedAsync(
        "not-found",
        await scene.Broker.PostAsync("/v1/challenges", new("request-" + new string('0', 32), enclave.PublicKey, "secret", scene.Configuration), ProtocolJson.Default.ChallengeRequest));

    [Fact]
    public async Task A_revoked_request_is_denied()
    {
        await scene.ApproveBothAsync();
        var (ledger, id, by, at) = scene.Broker.By(scene.Operator);
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.Broker.SendAsync(scene.Operator.Sign(new Revoke(ledger, id, by, at, scene.RequestId, "lost laptop"))));
        await TestBroker.RefusedAsync("release-denied", await scene.AskAsync(enclave));
    }

    [Fact]
    public async Task An_enclave_that_polls_does_not_fill_the_ledger()
    {
        await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AskAsync(enclave));
        var size = scene.Broker.State.Size;
        for (var i = 0; i < 5; i++)
        {
            scene.Broker.Clock.Wind(TimeSpan.FromSeconds(2));
            await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AskAsync(enclave));
        }
        Assert.Equal(size, scene.Broker.State.Size);
    }

    [Fact]
    public async Task A_refusal_of_an_enrolled_machine_is_in_the_ledger_with_its_evidence()
    {
        scene.Machine.Claims["image"] = "enclave-2";
        await TestBroker.RefusedAsync("release-denied", await scene.AskAsync(enclave));
        var index = scene.Broker.State.Size - 1;
        var record = await scene.Broker.EntryAsync(index);
        var decided = Assert.IsType<ReleaseDecided>(record);
        Assert.Equal(Outcome.Denied, decided.Outcome);
        Assert.NotNull(await scene.Broker.Host.Ledger.ReadBlobAsync(decided.Evidence));
    }

    [Fact]
    public async Task Rubbish_in_a_machines_name_cannot_fill_the_ledger()
    {
        using var thief = HpkePrivateKey.Generate();
        var before = scene.Broker.State.Size;
        for (var i = 0; i < 50; i++)
        {
            var challenge = await scene.ChallengeAsync(enclave);
            var rubbish = new TestMachine().Evidence(challenge.Transcript);
            await TestBroker.RefusedAsync("evidence-refused", await scene.AnswerAsync(challenge.Id, rubbish));
        }
        Assert.InRange(scene.Broker.State.Size - before, 1, RefusalsState.PerHourInItsName);
    }

    [Fact]
    public async Task A_restart_gives_strangers_no_new_budget()
    {
        for (var i = 0; i < RefusalsState.PerHourInItsName + 2; i++) await RubbishAsync();
        var size = scene.Broker.State.Size;
        await scene.Broker.StartAgainAsync();
        await RubbishAsync();
        Assert.Equal(size, scene.Broker.State.Size);
        scene.Broker.Clock.Wind(TimeSpan.FromHours(1));
        await RubbishAsync();
        Assert.Equal(size + 1, scene.Broker.State.Size);

        async Task RubbishAsync()
        {
            using var thief = HpkePrivateKey.Generate(); // whose answer is new each time
            var challenge = await scene.ChallengeAsync(thief);
            await TestBroker.RefusedAsync("evidence-refused", await scene.AnswerAsync(challenge.Id, new TestMachine().Evidence(challenge.Transcript)));
        }
    }

    [Fact]
    public async Task A_machine_that_asks_with_key_after_key_cannot_fill_the_ledger()
    {
        var before = scene.Broker.State.Size;
        for (var i = 0; i < RefusalsState.PerHourByItself + 5; i++)
        {
            using var key = HpkePrivateKey.Generate();
            await TestBroker.MustAsync(HttpStatusCode.Accepted, await scene.AskAsync(key));
        }
        Assert.Equal(before + RefusalsState.PerHourByItself, scene.Broker.State.Size);
        await scene.ApproveBothAsync();
        await scene.ReleasedAsync(enclave); // a grant needs no budget
    }

    [Fact]
    public async Task Large_rubbish_cannot_fill_the_disk()
    {
        using var maker = new TestMaker();
        using var tpm = new SoftwareTpm(maker);
        await scene.EnrolAsync(tpm, maker);
        var quoted = TpmEvidence.Parse(tpm.Evidence((await scene.ChallengeAsync(enclave)).Transcript)); // yesterday's, from the ledger
        var before = scene.Broker.State.Size;
        for (var i = 0; i < 30; i++)
        {
            if (i == 15) scene.Broker.Clock.Wind(TimeSpan.FromHours(1)); // the budget of records is not what holds here
            await AnswerAsync();
        }
        const long most = RefusalsState.BytesPerDay / (680 * 1024);
        Assert.InRange(scene.Broker.State.Size - before, 16, most);
        Assert.True((await scene.Broker.GetAsync("/health", ProtocolJson.Default.HealthReply)).Shed >= 30 - most);
        var full = scene.Broker.State.Size;
        scene.Broker.Clock.Wind(TimeSpan.FromDays(1));
        await scene.OpenAsync(scene.NewRequest() with { Machine = scene.Request.Machine, Measurement = scene.Request.Measurement });
        await AnswerAsync();
        Assert.Equal(full + 2, scene.Broker.State.Size);

        async Task AnswerAsync()
        {
            using var thief = HpkePrivateKey.Generate();
            var rubbish = EventLog.Compose([new(7, MeasuredEvent.Separator, Digest.Of([]), RandomNumberGenerator.GetBytes(511 * 1024))]);
            var challenge = await scene.ChallengeAsync(thief);
            await TestBroker.RefusedAsync("evidence-refused", await scene.AnswerAsync(challenge.Id, (quoted with { EventLog = rubbish }).ToBytes()));
        }
    }

    [Fact]
    public async Task On_a_full_disk_no_key_leaves_and_no_approval_is_spent()
    {
        await scene.ApproveBothAsync();
        var store = (SqliteLedger)scene.Broker.Host.Ledger;
        store.Fill(true);
        await FillLastPageAsync();
        await TestBroker.RefusedAsync("not-written", await scene.AskAsync(enclave));
        Assert.Empty(scene.Broker.State.Release.Leases);
        store.Fill(false);
        await scene.ReleasedAsync(enclave);
        Assert.Single(scene.Broker.State.Release.Leases);
    }

    [Fact]
    public async Task Without_its_witness_the_broker_releases_nothing()
    {
        await scene.ApproveBothAsync();
        scene.Broker.Witness.Away = true;
        await TestBroker.RefusedAsync("unavailable", await scene.AskAsync(enclave));
        scene.Broker.Witness.Away = false;
        using var keys = scene.Open(await scene.ReleasedAsync(enclave), enclave); // the decision stands once it is witnessed, and is answered by its own proof
        Assert.Single(scene.Broker.State.Release.Leases);
    }

    /// <summary>A full disk still takes what fits into the pages at hand; write until it takes nothing.</summary>
    private async Task FillLastPageAsync()
    {
        HttpResponseMessage response;
        do response = await scene.Broker.SendAsync(scene.Broker.Ada.Sign(scene.Broker.Propose(scene.Broker.Ada, new SetGroups(scene.Xena.Id, ["security"]))));
        while (response.IsSuccessStatusCode);
        await TestBroker.RefusedAsync("not-written", response);
    }
}
