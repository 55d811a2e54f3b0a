using System.Net;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation;
using Strongroom.Broker.Tests.Release;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;
using Strongroom.Tests.Attestation;

namespace Strongroom.Broker.Tests.Machines;

/// <summary>How a machine becomes known, and every way to become known as another.</summary>
public sealed class MachineTests : IAsyncLifetime
{
    private readonly TestMaker maker = new();
    private TestBroker broker = null!;
    private TestPerson oli = null!;

    public async ValueTask InitializeAsync()
    {
        broker = await TestBroker.StartAsync();
        oli = await broker.EnrolAsync(Groups.Operators);
        await broker.ChangeAsync(new AddRoot("tpm-ek", maker.Root));
    }

    public async ValueTask DisposeAsync()
    {
        maker.Dispose();
        await broker.DisposeAsync();
    }

    [Fact]
    public async Task A_TPM_that_opens_its_credential_is_enrolled()
    {
        using var tpm = new SoftwareTpm(maker);
        var challenge = await ChallengeAsync(tpm);
        Assert.Equal(tpm.Machine.Id, challenge.Machine);
        await TestBroker.MustAsync(HttpStatusCode.OK, await EnrolAsync(tpm, challenge, tpm.Activate(challenge.Credential!.Value.Span)));
        Assert.True(broker.State.Machines.Find(tpm.Machine.Id)!.Active);
        Assert.Equal(tpm.Measurement, Assert.Single(await broker.GetAsync("/v1/machines", ProtocolJson.Default.IReadOnlyListMachineDetails)).Measurement);
        foreach (var certificate in tpm.Certificates) Assert.NotNull(await broker.Host.Ledger.ReadBlobAsync(Digest.Of(certificate.Span)));
    }

    [Fact]
    public async Task A_wrong_answer_to_the_credential_is_refused_and_spends_nothing()
    {
        using var tpm = new SoftwareTpm(maker);
        var challenge = await ChallengeAsync(tpm);
        Assert.Contains("credential", await TestBroker.RefusedAsync("evidence-refused", await EnrolAsync(tpm, challenge, new byte[32])), StringComparison.Ordinal);
        await TestBroker.MustAsync(HttpStatusCode.OK, await EnrolAsync(tpm, challenge, tpm.Activate(challenge.Credential!.Value.Span)));
    }

    [Fact]
    public async Task A_right_answer_enrols_once()
    {
        using var tpm = new SoftwareTpm(maker);
        var challenge = await ChallengeAsync(tpm);
        var secret = tpm.Activate(challenge.Credential!.Value.Span);
        await TestBroker.MustAsync(HttpStatusCode.OK, await EnrolAsync(tpm, challenge, secret));
        Assert.Contains("enrolled before", await TestBroker.RefusedAsync("refused", await EnrolAsync(tpm, challenge, secret)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_answer_to_another_challenge_of_the_same_TPM_is_refused()
    {
        using var tpm = new SoftwareTpm(maker);
        var secret = tpm.Activate((await ChallengeAsync(tpm)).Credential!.Value.Span);
        Assert.Contains("credential", await TestBroker.RefusedAsync("evidence-refused", await EnrolAsync(tpm, await ChallengeAsync(tpm), secret)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_answer_is_refused()
    {
        using var tpm = new SoftwareTpm(maker);
        await TestBroker.RefusedAsync("evidence-refused", await EnrolAsync(tpm, await ChallengeAsync(tpm), null));
    }

    [Fact]
    public async Task An_answer_does_not_enrol_another_key_than_the_challenged_one()
    {
        using var tpm = new SoftwareTpm(maker);
        using var other = new SoftwareTpm(maker);
        var challenge = await ChallengeAsync(tpm);
        var reasons = await TestBroker.RefusedAsync("evidence-refused", await EnrolAsync(other, challenge, tpm.Activate(challenge.Credential!.Value.Span)));
        Assert.Contains("another machine", reasons, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_credential_too_old_is_refused()
    {
        using var tpm = new SoftwareTpm(maker);
        var challenge = await ChallengeAsync(tpm);
        var secret = tpm.Activate(challenge.Credential!.Value.Span);
        broker.Clock.Wind(TimeSpan.FromMinutes(5));
        await TestBroker.RefusedAsync("challenge-spent", await EnrolAsync(tpm, challenge, secret));
    }

    [Fact]
    public async Task A_maker_that_nobody_recorded_is_refused()
    {
        using var stranger = new TestMaker();
        using var tpm = new SoftwareTpm(stranger);
        Assert.Contains("E1", await TestBroker.RefusedAsync("evidence-refused", await PostAsync(tpm)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2.5.29.37")]
    [InlineData("2.5.29.19")]
    [InlineData("2.5.29.15")]
    public async Task A_certificate_with_an_extension_that_cannot_be_decoded_is_malformed(string oid)
    {
        using var tpm = new SoftwareTpm(maker, request => request.CertificateExtensions.Single(extension => extension.Oid?.Value == oid).RawData = [0x30, 0x7F]);
        Assert.Contains("decoded", await TestBroker.RefusedAsync("malformed", await PostAsync(tpm)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2.5.29.37")]
    [InlineData("2.5.29.19")]
    [InlineData("2.5.29.15")]
    public async Task A_certificate_with_an_extension_twice_is_malformed(string oid)
    {
        const string other = "2.5.29.99"; // nobody's, of the same length
        using var tpm = new SoftwareTpm(maker, request => request.CertificateExtensions.Add(
            new X509Extension(other, request.CertificateExtensions.Single(extension => extension.Oid?.Value == oid).RawData, critical: false)));
        var der = tpm.Certificates[0].ToArray();
        der[der.AsSpan().IndexOf((ReadOnlySpan<byte>)[0x06, 0x03, 0x55, 0x1D, 99]) + 4] = byte.Parse(oid.Split('.')[^1], System.Globalization.CultureInfo.InvariantCulture);
        tpm.Certificates = [der, .. tpm.Certificates.Skip(1)];
        Assert.Contains("twice", await TestBroker.RefusedAsync("malformed", await PostAsync(tpm)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_machine_measured_at_its_enrolment_is_read_under_its_digest()
    {
        using var tpm = new SoftwareTpm(maker);
        var challenge = await ChallengeAsync(tpm);
        await TestBroker.MustAsync(HttpStatusCode.OK, await EnrolAsync(tpm, challenge, tpm.Activate(challenge.Credential!.Value.Span)));
        Assert.Equal(tpm.Measurement, Digest.Of(await broker.Client.GetByteArrayAsync($"/v1/measurements/{tpm.Measurement}")));
    }

    [Fact]
    public async Task A_machine_does_not_come_with_another_measurement_than_its_operator_signed()
    {
        using var tpm = new SoftwareTpm(maker);
        var challenge = await ChallengeAsync(tpm);
        var other = Measurement.From("tpm", new Dictionary<string, string>(tpm.Claims) { ["pcr0"] = "00" }).ToBytes();
        foreach (var brought in (byte[][])[other, []])
        {
            var answer = await EnrolAsync(tpm, challenge, tpm.Activate(challenge.Credential!.Value.Span), measurement: brought);
            Assert.Contains("is not what it names", await TestBroker.RefusedAsync("refused", answer), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Who_is_no_operator_enrols_nothing()
    {
        using var tpm = new SoftwareTpm(maker);
        var challenge = await ChallengeAsync(tpm);
        Assert.Contains("operators", await TestBroker.RefusedAsync("refused", await EnrolAsync(tpm, challenge, tpm.Activate(challenge.Credential!.Value.Span), broker.Ada)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_machine_is_not_enrolled_by_a_bare_command()
    {
        using var tpm = new SoftwareTpm(maker);
        await TestBroker.RefusedAsync("malformed", await broker.SendAsync(oli.Sign(Command(oli, tpm))));
    }

    [Fact]
    public async Task Development_evidence_is_refused_where_it_was_not_asked_for_by_its_dangerous_name()
    {
        await using var strict = await TestBroker.StartAsync(development: false);
        var response = await strict.PostAsync("/v1/machines/challenges", new("development", new byte[32]), ProtocolJson.Default.EnrolmentRequest);
        Assert.Contains("danger", await TestBroker.RefusedAsync("evidence-refused", response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_goes_to_a_machine_that_quotes_with_its_TPM()
    {
        await using var scene = await ReleaseScene.StartAsync();
        using var tpm = new SoftwareTpm(maker);
        await scene.EnrolAsync(tpm, maker);
        await scene.ApproveBothAsync();
        using var enclave = HpkePrivateKey.Generate();
        var challenge = await scene.ChallengeAsync(enclave);
        Assert.Equal(tpm.Machine.ApplicationPcr, challenge.ApplicationPcr);
        Assert.Equal(tpm.Machine.Pcrs, challenge.Pcrs);
        var grant = await TestBroker.MustAsync(HttpStatusCode.OK, await scene.AnswerAsync(challenge.Id, tpm.Evidence(challenge.Transcript)), ProtocolJson.Default.GrantReply);
        using var keys = scene.Open(grant, enclave);
        Assert.Null(grant.Development);
    }

    private Task<HttpResponseMessage> PostAsync(SoftwareTpm tpm) =>
        broker.PostAsync("/v1/machines/challenges", new("tpm", tpm.AttestationKey, tpm.Certificates), ProtocolJson.Default.EnrolmentRequest);

    private async Task<EnrolmentChallenge> ChallengeAsync(SoftwareTpm tpm) =>
        await TestBroker.MustAsync(HttpStatusCode.OK, await PostAsync(tpm), ProtocolJson.Default.EnrolmentChallenge);

    private EnrolMachine Command(TestPerson person, SoftwareTpm tpm)
    {
        var (ledger, id, by, at) = broker.By(person);
        return new(
            ledger, id, by, at, tpm.Machine.Id, "tpm", tpm.AttestationKey, tpm.Machine.Pcrs, tpm.Machine.ApplicationPcr, Digest.Of(tpm.Certificates[0].Span), tpm.Measurement,
            [.. tpm.Certificates.Skip(1).Select(der => Digest.Of(der.Span))]);
    }

    private Task<HttpResponseMessage> EnrolAsync(SoftwareTpm tpm, EnrolmentChallenge challenge, byte[]? secret, TestPerson? person = null, byte[]? measurement = null) => broker.PostAsync(
        "/v1/machines", new((person ?? oli).Sign(Command(person ?? oli, tpm)), challenge.Challenge, secret is null ? null : (ReadOnlyMemory<byte>)secret, measurement ?? tpm.Measured.ToBytes()),
        ProtocolJson.Default.MachineEnrolment);
}
