using System.Net;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Kbs;
using Strongroom.Broker.Kbs;
using Strongroom.Broker.Tests.Release;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Sealing;
using Strongroom.Tests.Attestation.Kbs;
using Strongroom.Tests.Crypto;

namespace Strongroom.Broker.Tests.Kbs;

/// <summary>Guests of the KBS protocol over HTTP: the walk of one key, and every way to get it that must not work (spec/kbs.md).</summary>
public sealed class KbsTests : IAsyncLifetime
{
    private KbsScene scene = null!;
    private TestGuest guest = null!;

    public async ValueTask InitializeAsync() => (scene, guest) = (await KbsScene.StartAsync(), null!);

    public async ValueTask DisposeAsync()
    {
        guest?.Dispose();
        await scene.DisposeAsync();
    }

    [Theory]
    [InlineData("sev-snp")]
    [InlineData("tdx")]
    public async Task A_guest_gets_the_keys_of_the_model_that_people_approved(string kind)
    {
        await using var own = await KbsScene.StartAsync(kind);
        using var mine = new TestGuest(own.Machine);
        await own.Scene.ApproveBothAsync();
        var (cookie, _) = await own.SessionAsync(mine);
        var before = own.Broker.State.Size;
        var (keys, resource) = await KbsScene.OpenAsync(await own.GetAsync(own.Resource, cookie), mine.Key);
        Assert.Equal(own.Resource, resource);
        Assert.Equal(3 * ContentKeys.SizeInBytes, keys.Length);
        for (var i = 0; i < 3; i++)
        {
            using var expected = ContentKeys.Derive(own.Scene.ModelKey, own.Scene.Manifest, i);
            Assert.True(expected.Span.SequenceEqual(keys.AsSpan(i * 32, 32)));
        }
        Assert.IsType<GuestDecided>(await own.Broker.EntryAsync(before));
        var audit = await own.AuditAsync();
        Assert.Empty(audit.Deviations);
        Assert.Equal((1, 1), (audit.Recomputed, audit.Grants));
    }

    [Fact]
    public async Task A_guest_with_an_RSA_key_and_a_token_in_the_place_of_the_cookie_gets_them_too()
    {
        await scene.Scene.ApproveBothAsync();
        using var key = GuestKey.Rsa(3072);
        var (nonce, cookie) = await scene.AuthAsync();
        using var response = await scene.AttestAsync(cookie, nonce, Guest().Answer(nonce, scene.Now, key.Public), key.Jwk);
        await TestBroker.MustAsync(HttpStatusCode.OK, response);
        var token = JsonNode.Parse(await response.Content.ReadAsStringAsync())!["token"]!.GetValue<string>();
        Assert.Equal(3, token.Split('.').Length);
        Assert.Equal(96, (await KbsScene.OpenAsync(await scene.GetAsync(scene.Resource, null, token), key)).Keys.Length);
    }

    [Fact]
    public async Task Only_the_keys_of_the_files_that_were_approved_are_released()
    {
        await scene.Scene.OpenAsync(scene.Scene.NewRequest(["tokenizer.json"]) with { Machine = scene.Scene.Request.Machine, Measurement = scene.Scene.Request.Measurement });
        await scene.Scene.ApproveBothAsync();
        using var expected = ContentKeys.Derive(scene.Scene.ModelKey, scene.Scene.Manifest, 2);
        var (cookie, _) = await scene.SessionAsync(Guest());
        Assert.Equal(expected.Span.ToArray(), (await KbsScene.OpenAsync(await scene.GetAsync(scene.Resource, cookie), guest.Key)).Keys);
    }

    [Fact]
    public async Task Nothing_is_answered_before_people_approved_and_asking_fills_no_ledger()
    {
        var (cookie, _) = await scene.SessionAsync(Guest());
        var before = scene.Broker.State.Size;
        Assert.Contains("security", await RefusedAsync("not-approved", await scene.GetAsync(scene.Resource, cookie)), StringComparison.Ordinal);
        await RefusedAsync("not-approved", await scene.GetAsync(scene.Resource, cookie));
        Assert.Equal(before + 1, scene.Broker.State.Size);
        await scene.Scene.ApproveBothAsync();
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.GetAsync(scene.Resource, cookie));
    }

    [Fact]
    public async Task A_policy_that_does_not_name_the_danger_releases_nothing_to_a_guest()
    {
        await scene.Scene.SetPolicyAsync(KbsScene.Rule("sev-snp", allowed: false));
        await scene.Scene.ApproveBothAsync();
        var (cookie, _) = await scene.SessionAsync(Guest());
        var before = scene.Broker.State.Size;
        Assert.Contains("danger_kbs_guests", await RefusedAsync("release-denied", await scene.GetAsync(scene.Resource, cookie)), StringComparison.Ordinal);
        Assert.IsType<GuestDecided>(await scene.Broker.EntryAsync(before));
    }

    [Fact]
    public async Task No_key_leaves_while_the_decision_is_not_witnessed()
    {
        await scene.Scene.ApproveBothAsync();
        var (cookie, _) = await scene.SessionAsync(Guest());
        scene.Broker.Witness.Away = true;
        await RefusedAsync("unavailable", await scene.GetAsync(scene.Resource, cookie));
        scene.Broker.Witness.Away = false;
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.GetAsync(scene.Resource, cookie));
        Assert.Single(scene.Broker.State.Release.Leases);
    }

    [Fact]
    public async Task The_same_guest_asks_again_and_is_answered_from_the_same_record()
    {
        await scene.Scene.ApproveBothAsync();
        var (cookie, _) = await scene.SessionAsync(Guest());
        var first = await KbsScene.OpenAsync(await scene.GetAsync(scene.Resource, cookie), guest.Key);
        var size = scene.Broker.State.Size;
        Assert.Equal(first.Keys, (await KbsScene.OpenAsync(await scene.GetAsync(scene.Resource, cookie), guest.Key)).Keys);
        (cookie, _) = await scene.SessionAsync(guest);
        Assert.Equal(first.Keys, (await KbsScene.OpenAsync(await scene.GetAsync(scene.Resource, cookie), guest.Key)).Keys);
        Assert.Equal(size, scene.Broker.State.Size);
    }

    [Fact]
    public async Task Another_key_on_the_same_machine_waits_for_new_approvals()
    {
        await scene.Scene.ApproveBothAsync();
        var (cookie, _) = await scene.SessionAsync(Guest());
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.GetAsync(scene.Resource, cookie));
        using var other = new TestGuest(scene.Machine);
        (cookie, _) = await scene.SessionAsync(other);
        await RefusedAsync("not-approved", await scene.GetAsync(scene.Resource, cookie));
    }

    [Fact]
    public async Task A_session_is_for_one_resource()
    {
        await scene.Scene.ApproveBothAsync();
        var (cookie, token) = await scene.SessionAsync(Guest());
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.GetAsync(scene.Resource, cookie));
        await scene.Scene.OpenAsync(scene.Scene.NewRequest() with { Machine = scene.Scene.Request.Machine, Measurement = scene.Scene.Request.Measurement });
        await scene.Scene.ApproveBothAsync();
        Assert.Contains("another resource", await RefusedAsync("unattested", await scene.GetAsync(scene.Resource, cookie)), StringComparison.Ordinal);
        await RefusedAsync("unattested", await scene.GetAsync(scene.Resource, null, token));
        (cookie, _) = await scene.SessionAsync(guest);
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.GetAsync(scene.Resource, cookie));
    }

    [Fact]
    public async Task A_resource_has_one_spelling()
    {
        await scene.Scene.ApproveBothAsync();
        var (cookie, _) = await scene.SessionAsync(Guest());
        var request = scene.Scene.RequestId;
        foreach (var other in (string[])[$"storyteller/01/{request}", $"storyteller/2/{request}", $"Storyteller/1/{request}", $"other/1/{request}", $"storyteller/1/{request}%20", "storyteller/1/request-0", $"storyteller/%31%20/{request}"])
            await RefusedAsync("not-found", await scene.GetAsync(other, cookie));
        Assert.Empty(scene.Broker.State.Release.Leases);
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.GetAsync(scene.Resource, cookie));
    }

    [Theory]
    [InlineData("0.1.0")]
    [InlineData("0.4.1")]
    [InlineData("0.4")]
    [InlineData(" 0.4.0")]
    public async Task Another_version_of_the_protocol_is_refused(string version) =>
        await RefusedAsync("malformed", await scene.SendAsync(HttpMethod.Post, "auth", new() { ["version"] = version, ["tee"] = "snp", ["extra-params"] = "" }));

    [Theory]
    [InlineData("sample")]
    [InlineData("sgx")]
    [InlineData("az-snp-vtpm")]
    [InlineData("nvidia")]
    public async Task Another_kind_of_guest_is_refused(string tee) =>
        await RefusedAsync("malformed", await scene.SendAsync(HttpMethod.Post, "auth", new() { ["version"] = "0.4.0", ["tee"] = tee, ["extra-params"] = "" }));

    [Fact]
    public async Task A_nonce_opens_one_session()
    {
        var (nonce, cookie) = await scene.AuthAsync();
        var evidence = Guest().Answer(nonce, scene.Now);
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.AttestAsync(cookie, nonce, evidence, guest.Key.Jwk));
        await RefusedAsync("unattested", await scene.AttestAsync(cookie, nonce, evidence, guest.Key.Jwk));
    }

    [Fact]
    public async Task A_nonce_and_its_session_are_over_after_a_minute()
    {
        await scene.Scene.ApproveBothAsync();
        var (nonce, cookie) = await scene.AuthAsync();
        var (held, token) = await scene.SessionAsync(Guest());
        scene.Broker.Clock.Wind(TimeSpan.FromSeconds(60));
        await RefusedAsync("unattested", await scene.AttestAsync(cookie, nonce, guest.Answer(nonce, scene.Now), guest.Key.Jwk));
        await RefusedAsync("unattested", await scene.GetAsync(scene.Resource, held));
        await RefusedAsync("unattested", await scene.GetAsync(scene.Resource, null, token));
    }

    [Fact]
    public async Task A_restart_forgets_every_nonce_and_every_session()
    {
        var (nonce, cookie) = await scene.AuthAsync();
        var (held, token) = await scene.SessionAsync(Guest());
        await scene.StartAgainAsync();
        await RefusedAsync("unattested", await scene.AttestAsync(cookie, nonce, guest.Answer(nonce, scene.Now), guest.Key.Jwk));
        await RefusedAsync("unattested", await scene.GetAsync(scene.Resource, held));
        await RefusedAsync("unattested", await scene.GetAsync(scene.Resource, null, token));
    }

    [Fact]
    public async Task A_nonce_of_another_session_is_refused()
    {
        var ((nonce, _), (_, cookie)) = (await scene.AuthAsync(), await scene.AuthAsync());
        await RefusedAsync("unattested", await scene.AttestAsync(cookie, nonce, Guest().Answer(nonce, scene.Now), guest.Key.Jwk));
    }

    [Fact]
    public async Task A_cookie_or_token_that_is_missing_invented_or_not_attested_opens_nothing()
    {
        await scene.Scene.ApproveBothAsync();
        var (nonce, cookie) = await scene.AuthAsync();
        await RefusedAsync("unattested", await scene.AttestAsync(null, nonce, Guest().Answer(nonce, scene.Now), guest.Key.Jwk));
        var (held, token) = await scene.SessionAsync(guest);
        foreach (var wrong in (string?[])[null, cookie, "kbs-session-id=", "kbs-session-id=AAAA", held[..^2], "kbs-session-id=" + token])
            await RefusedAsync("unattested", await scene.GetAsync(scene.Resource, wrong));
        foreach (var wrong in (string[])[held["kbs-session-id=".Length..], token[..^1], token + "A", "e30." + token.Split('.', 2)[1]])
            await RefusedAsync("unattested", await scene.GetAsync(scene.Resource, null, wrong));
        await RefusedAsync("unattested", await scene.GetAsync(scene.Resource, held, token)); // who sends two has to mean one
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.GetAsync(scene.Resource, held));
    }

    [Fact]
    public async Task Evidence_of_another_kind_than_was_said_before_the_nonce_is_refused()
    {
        var (nonce, cookie) = await scene.AuthAsync("tdx");
        await RefusedAsync("malformed", await scene.AttestAsync(cookie, nonce, Guest().Answer(nonce, scene.Now), guest.Key.Jwk));
    }

    /// <summary>The relay: genuine evidence of a genuine guest, and the key of somebody else beside it.</summary>
    [Fact]
    public async Task Evidence_for_another_key_opens_no_session_and_spends_no_nonce()
    {
        var (nonce, cookie) = await scene.AuthAsync();
        using var thief = GuestKey.Ec();
        var evidence = Guest().Answer(nonce, scene.Now);
        var before = scene.Broker.State.Size;
        await RefusedAsync("evidence-refused", await scene.AttestAsync(cookie, nonce, evidence, thief.Jwk));
        Assert.Equal(before, scene.Broker.State.Size); // it names no request: counted, not recorded
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.AttestAsync(cookie, nonce, evidence, guest.Key.Jwk));
    }

    [Fact]
    public async Task A_genuine_machine_that_nobody_enrolled_opens_no_session()
    {
        scene.Machine.Gpus.RemoveAt(0);
        var (nonce, cookie) = await scene.AuthAsync();
        Assert.Contains("nobody enrolled", await RefusedAsync("evidence-refused", await scene.AttestAsync(cookie, nonce, Guest().Answer(nonce, scene.Now), guest.Key.Jwk)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_session_ends_with_the_endorsements_that_it_was_judged_with()
    {
        await scene.Scene.ApproveBothAsync();
        var (cookie, _) = await scene.SessionAsync(Guest());
        scene.Broker.Clock.Wind(TimeSpan.FromSeconds(1));
        await scene.EndorseAsync();
        await RefusedAsync("unattested", await scene.GetAsync(scene.Resource, cookie));
        (cookie, _) = await scene.SessionAsync(guest);
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.GetAsync(scene.Resource, cookie));
    }

    [Fact]
    public async Task Nothing_is_decided_on_endorsements_that_are_stale()
    {
        scene.Broker.Clock.Wind(TimeSpan.FromDays(9));
        var (nonce, cookie) = await scene.AuthAsync();
        await RefusedAsync("unavailable", await scene.AttestAsync(cookie, nonce, Guest().Answer(nonce, scene.Now), guest.Key.Jwk));
    }

    [Fact]
    public async Task A_machine_takes_places_of_its_own_sessions_only()
    {
        await scene.Scene.ApproveBothAsync();
        var cookies = new List<string>();
        for (var i = 0; i <= GuestSessions.MostOfOneMachine; i++) cookies.Add((await scene.SessionAsync(Guest())).Cookie);
        await RefusedAsync("unattested", await scene.GetAsync(scene.Resource, cookies[0]));
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.GetAsync(scene.Resource, cookies[^1]));
    }

    [Fact]
    public async Task A_body_with_anything_more_or_less_or_a_key_for_another_algorithm_is_refused()
    {
        var (nonce, cookie) = await scene.AuthAsync();
        var right = KbsScene.Attestation(nonce, Guest().Answer(nonce, scene.Now), guest.Key.Jwk);
        foreach (var change in (Action<JsonObject>[])
            [
                body => body["more"] = 1, body => body.Remove("runtime-data"), body => body["runtime-data"]!["more"] = 1, body => body["tee-evidence"]!["more"] = 1,
                body => body["runtime-data"]!["tee-pubkey"]!["alg"] = "RSA1_5", body => body["runtime-data"]!["tee-pubkey"]!["d"] = "AA", body => body["runtime-data"]!["nonce"] = null,
                body => body["tee-evidence"]!["primary_evidence"] = "text", body => body["tee-evidence"]!["additional_evidence"] = "{}",
            ])
        {
            var wrong = (JsonObject)right.DeepClone();
            change(wrong);
            await RefusedAsync("malformed", await scene.SendAsync(HttpMethod.Post, "attest", wrong, cookie));
        }
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.SendAsync(HttpMethod.Post, "attest", right, cookie));
    }

    [Fact]
    public async Task No_resource_and_no_policy_is_set_by_this_protocol()
    {
        var (cookie, _) = await scene.SessionAsync(Guest());
        await RefusedAsync("not-allowed", await scene.SendAsync(HttpMethod.Post, $"resource/{scene.Resource}", [], cookie));
        await RefusedAsync("not-found", await scene.SendAsync(HttpMethod.Post, "resource-policy", [], cookie));
        await RefusedAsync("not-found", await scene.SendAsync(HttpMethod.Post, "attestation-policy", [], cookie));
    }

    [Fact]
    public async Task A_guests_lease_is_told_apart_and_not_renewed()
    {
        await scene.Scene.ApproveBothAsync();
        var (cookie, _) = await scene.SessionAsync(Guest());
        await TestBroker.MustAsync(HttpStatusCode.OK, await scene.GetAsync(scene.Resource, cookie));
        var lease = Assert.Single(scene.Broker.State.Release.Leases.Values);
        Assert.Equal("guest", lease.Memory);
        await RefusedAsync("refused", await scene.Broker.PostAsync($"/v1/leases/{lease.Id}/challenges", new(Digest.Of([])), Protocol.ProtocolJson.Default.RenewalChallengeRequest));
    }

    private TestGuest Guest() => guest ??= new(scene.Machine);

    private static async Task<string> RefusedAsync(string problem, HttpResponseMessage response)
    {
        var detail = await TestBroker.RefusedAsync(problem, response);
        // What guests' components read: both members, both strings.
        var said = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        if (problem is not ("not-allowed" or "not-found" or "malformed")) Assert.NotEmpty(said["detail"]!.GetValue<string>());
        return detail;
    }
}
