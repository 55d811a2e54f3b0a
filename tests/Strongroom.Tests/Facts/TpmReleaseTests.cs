using System.Security.Cryptography;
using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Policy;
using Strongroom.Tests.Attestation;

namespace Strongroom.Tests.Facts;

/// <summary>The same walk on TPM evidence: enrolled, released, renewed and audited, with no development mark anywhere.</summary>
public sealed class TpmReleaseTests : IDisposable
{
    private readonly Town town = Town.Furnished(ReleasePolicy.From(
    [
        new("stories", ["storyteller"], [Town.Purpose], [new("tpm", ["rack-7"], 60, 1)], [new("owners", 2)], ["secret"], CheckTree: true, 3600, 86_400, 86_400),
    ]));

    private readonly TestTpm tpm = new();
    private readonly TestMaker maker = new();
    private readonly byte[] certificate;
    private readonly Digest measurement;

    public TpmReleaseTests()
    {
        var claims = tpm.Machine.Pcrs.ToDictionary(pcr => $"pcr{pcr}", pcr => tpm.Values()[pcr].ToString());
        measurement = Measurement.Of("tpm", claims);
        town.Blobs[measurement] = Measurement.From("tpm", claims).ToBytes();
        town.Now = TestTpm.Now;
        town.Agree(new AddRoot("tpm-ek", maker.Root));
        town.Agree(new SetReference("rack-7", "tpm", claims, 1));
        using (var endorsement = RSA.Create(2048)) certificate = maker.Certify(endorsement);
        town.Write(Enrolment());
    }

    public void Dispose()
    {
        tpm.Dispose();
        maker.Dispose();
    }

    [Fact]
    public async Task A_tpm_gets_a_key_without_a_development_mark()
    {
        var request = Approved();
        var decision = Ask(request);
        Assert.Equal(Outcome.Allowed, decision.Record.Outcome);
        Assert.Null(decision.Record.Development);
        Assert.Equal(measurement, decision.Record.Measurement);
        var audit = await town.Audit();
        Assert.Empty(audit.Deviations);
        Assert.Equal((1, 1), (audit.Recomputed, audit.Grants));
    }

    [Fact]
    public async Task An_audit_misses_an_endorsement_certificate_that_is_gone()
    {
        town.Blobs.Remove(Digest.Of(certificate));
        Assert.Contains($"the certificate {Digest.Of(certificate)} is not beside the ledger", Assert.Single((await town.Audit()).Deviations).What, StringComparison.Ordinal);
    }

    [Fact]
    public void A_machine_that_boots_something_else_gets_nothing()
    {
        var request = Approved();
        tpm.Events.Add(TestTpm.Event(4, 0x0000000D, "another kernel"u8));
        Assert.Equal(Outcome.Denied, Ask(request).Record.Outcome);
    }

    [Fact]
    public void Evidence_of_the_right_state_by_another_tpm_gets_nothing()
    {
        using var other = new TestTpm();
        Assert.Equal(Outcome.Denied, Ask(Approved(), other).Record.Outcome);
    }

    [Fact]
    public void Rejects_a_key_that_is_no_attestation_key()
    {
        var enrolment = Enrolment() with { Id = Command.NewId() };
        Assert.Contains(
            town.Refusals(enrolment with { AttestationKey = new byte[8] }), reason => reason.StartsWith("the attestation key is no TPM2B_PUBLIC", StringComparison.Ordinal));
        using var other = new TestTpm();
        Assert.Contains("the machine's id does not follow from its key", town.Refusals(enrolment with { AttestationKey = other.Key.ToBytes() }));
    }

    private EnrolMachine Enrolment() => town.EnrolTpm(tpm, certificate, maker.Intermediate) with { Measurement = measurement };

    private string Approved()
    {
        var open = town.Open() with { Machine = tpm.Machine.Id, Measurement = measurement };
        town.Write(open);
        town.Write(town.Approve(town.Owner1, Ids.Request(open)));
        town.Write(town.Approve(town.Owner2, Ids.Request(open)));
        return Ids.Request(open);
    }

    private ReleaseDecision Ask(string request, TestTpm? by = null)
    {
        by ??= tpm;
        var transcript = town.Transcript(request);
        by.Starts[0] = EnclaveStart.Of(transcript.HpkeKey, transcript.Configuration);
        var evidence = by.Evidence(quote => quote with { ExtraData = transcript.Digest().Span.ToArray() }).ToBytes();
        return town.Ask(transcript, evidence);
    }
}
