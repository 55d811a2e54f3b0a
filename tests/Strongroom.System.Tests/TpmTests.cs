using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Strongroom.Attestation;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;
using Strongroom.Enclave;
using Strongroom.Enclave.Evidence;

namespace Strongroom.SystemTests;

/// <summary>The whole of attestation against a TPM that is not ours: swtpm, with certificates from its own certificate authority.</summary>
public sealed class TpmTests : IDisposable
{
    private static readonly Digest Transcript = Digest.Of("transcript"u8);
    private static readonly EnclaveStart Start = new(Digest.Of("hpke key"u8), Digest.Of("configuration"u8));

    private readonly Swtpm swtpm = new();

    private static readonly byte[] Secret = RandomNumberGenerator.GetBytes(TpmCredential.MaxSecretInBytes);

    public TpmTests() => Rehearse(changed: false);

    public void Dispose() => swtpm.Dispose();

    [Fact]
    public void A_machine_enrols_and_its_quote_is_trusted()
    {
        var machine = Enrol();
        var attester = Attester();
        attester.Measure(Start);
        var verdict = Verify(attester.Quote(Transcript), machine);
        var evidence = Assert.IsType<Verdict.Trusted>(verdict).Evidence;
        Assert.Equal(attester.Claims().OrderBy(claim => claim.Key), evidence.Claims.OrderBy(claim => claim.Key));
        Assert.Equal(machine.Id, attester.Machine());
    }

    [Fact]
    public void A_machine_with_an_elliptic_curve_endorsement_key_enrols()
    {
        // swtpm has no certificate for this template, so the credential is made for the key as the TPM shows it
        using var tpm = TpmDevice.Open(swtpm.Address);
        using var endorsement = tpm.CreatePrimary(EndorsementKey.EccTemplate);
        using var key = tpm.CreatePrimary(AttestationKey.Template);
        var secret = RandomNumberGenerator.GetBytes(32);
        using var opened = tpm.ActivateCredential(key, endorsement, TpmCredential.Make(endorsement.Public, key.Public.Name(), secret));
        Assert.Equal(secret, opened.Span.ToArray());
    }

    [Fact]
    public void A_challenge_for_another_key_of_the_same_TPM_stays_closed()
    {
        using var tpm = TpmDevice.Open(swtpm.Address);
        using var endorsement = tpm.CreatePrimary(EndorsementKey.RsaTemplate);
        using var key = tpm.CreatePrimary(AttestationKey.Template);
        using var other = tpm.CreatePrimary(AttestationKey.Template with { Attributes = AttestationKey.Template.Attributes & ~TpmAttributes.Restricted });
        var credential = TpmCredential.Make(endorsement.Public, other.Public.Name(), new byte[32]);
        Assert.Throws<UnavailableException>(() => tpm.ActivateCredential(key, endorsement, credential));
    }

    [Fact]
    public void A_challenge_for_another_machine_stays_closed()
    {
        var enrolment = Enrolment();
        using var other = new Swtpm(another: true);
        Assert.Throws<UnavailableException>(() => new TpmAttester(new(other.Address, "", Path.Combine(other.Folder, "starts")), EnrolledMachine.DefaultPcrs, 13).Activate(enrolment.Challenge(Secret)));
    }

    [Fact]
    public void A_quote_made_for_another_challenge_is_rejected()
    {
        var machine = Enrol();
        Attester().Measure(Start);
        Rejected("6 transcript:", Verify(Attester().Quote(Digest.Of("yesterday"u8)), machine));
    }

    [Fact]
    public void A_quote_of_another_machine_is_rejected()
    {
        var machine = Enrol();
        Attester().Measure(Start);
        var evidence = Attester().Quote(Transcript);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var q = key.ExportParameters(false).Q;
        var other = AttestationKey.Template with { X = q.X!, Y = q.Y! };
        Rejected("4 signature:", Verify(evidence, machine with { Id = EnrolledMachine.IdOf(other.Name()), AttestationKey = other.ToBytes() }));
    }

    [Fact]
    public void A_boot_with_something_changed_has_another_measurement()
    {
        var machine = Enrol();
        Attester().Measure(Start);
        var before = Assert.IsType<Verdict.Trusted>(Verify(Attester().Quote(Transcript), machine)).Evidence;
        swtpm.Boot();
        Rehearse(changed: true);
        Attester().Measure(Start);
        var after = Assert.IsType<Verdict.Trusted>(Verify(Attester().Quote(Transcript), machine)).Evidence;
        Assert.NotEqual(before.Measurement, after.Measurement);
        Assert.NotEqual(before.Claims["pcr4"], after.Claims["pcr4"]);
        Assert.Equal(before.Claims["pcr7"], after.Claims["pcr7"]);
        Assert.Equal(before.ResetCount + 1, after.ResetCount);
    }

    [Fact]
    public void A_changed_boot_cannot_show_the_log_of_the_honest_one()
    {
        var machine = Enrol();
        var log = File.ReadAllBytes(Place.EventLog);
        swtpm.Boot();
        Rehearse(changed: true);
        File.WriteAllBytes(Place.EventLog, log);
        Attester().Measure(Start);
        Rejected("10 event log: it does not lead to PCR 4", Verify(Attester().Quote(Transcript), machine));
    }

    [Fact]
    public void A_boot_register_extended_after_the_boot_is_noticed()
    {
        var machine = Enrol();
        Attester().Measure(Start);
        using (var tpm = TpmDevice.Open(swtpm.Address)) tpm.ExtendPcr(7, Digest.Of("late"u8));
        Rejected("10 event log: it does not lead to PCR 7", Verify(Attester().Quote(Transcript), machine));
    }

    [Fact]
    public void Another_process_that_measures_its_own_key_is_seen()
    {
        var machine = Enrol();
        Attester().Measure(Start);
        var other = new EnclaveStart(Digest.Of("another key"u8), Start.Configuration);
        Attester().Measure(other);
        var evidence = Attester().Quote(Transcript);
        Rejected("12 starts: the enclave", Verify(evidence, machine));
        var trusted = Assert.IsType<Verdict.Trusted>(EvidenceVerifier.For("tpm").Verify(evidence, machine, Transcript, other, DateTimeOffset.UtcNow));
        Assert.Equal([Start, other], trusted.Evidence.Starts);
    }

    [Fact]
    public void Another_process_that_hides_the_first_start_is_rejected()
    {
        var machine = Enrol();
        Attester().Measure(Start);
        var other = new EnclaveStart(Digest.Of("another key"u8), Start.Configuration);
        Attester().Measure(other);
        var evidence = TpmEvidence.Parse(Attester().Quote(Transcript)) with { Starts = [other] };
        Rejected("12 starts: the log", EvidenceVerifier.For("tpm").Verify(evidence.ToBytes(), machine, Transcript, other, DateTimeOffset.UtcNow));
    }

    [Fact]
    public void Another_process_that_never_measured_itself_is_rejected()
    {
        var machine = Enrol();
        Attester().Measure(Start);
        var other = new EnclaveStart(Digest.Of("another key"u8), Start.Configuration);
        var evidence = TpmEvidence.Parse(Attester().Quote(Transcript)) with { Starts = [other] };
        Rejected("12 starts: the log", EvidenceVerifier.For("tpm").Verify(evidence.ToBytes(), machine, Transcript, other, DateTimeOffset.UtcNow));
    }

    [Fact]
    public void An_enclave_measures_itself_once_and_only_where_it_counts()
    {
        var machine = Enrol();
        var tpm = new TpmMachine(Place);
        Assert.Equal(machine.Id, tpm.Id);
        Assert.Throws<RefusedException>(() => tpm.Attest(Start, Transcript, EnrolledMachine.DefaultPcrs, 16));
        Assert.IsType<Verdict.Trusted>(Verify(tpm.Attest(Start, Transcript, EnrolledMachine.DefaultPcrs, 13), machine));
        Assert.IsType<Verdict.Trusted>(Verify(tpm.Attest(Start, Transcript, EnrolledMachine.DefaultPcrs, 13), machine));
        Assert.Throws<RefusedException>(() => tpm.Attest(Start, Transcript, EnrolledMachine.DefaultPcrs, 12));
        Assert.Throws<RefusedException>(() => tpm.Attest(Start with { HpkeKey = Transcript }, Transcript, EnrolledMachine.DefaultPcrs, 13));
    }

    [Fact]
    public void A_register_extended_behind_the_logs_back_stops_every_quote()
    {
        Attester().Measure(Start);
        using (var tpm = TpmDevice.Open(swtpm.Address)) tpm.ExtendPcr(13, Digest.Of("unknown"u8));
        Assert.Throws<UnavailableException>(() => Attester().Quote(Transcript));
        Assert.Throws<UnavailableException>(() => Attester().Measure(Start));
    }

    [Fact]
    public void A_start_that_was_logged_but_not_measured_is_dropped()
    {
        var machine = Enrol();
        Directory.CreateDirectory(Place.State);
        File.WriteAllBytes(Path.Combine(Place.State, "starts.json"), EnclaveStart.WriteLog([new(Digest.Of("crashed"u8), Start.Configuration)]));
        Attester().Measure(Start);
        Assert.Equal([Start], Assert.IsType<Verdict.Trusted>(Verify(Attester().Quote(Transcript), machine)).Evidence.Starts);
    }

    [Fact]
    public void The_log_of_an_earlier_boot_is_dropped()
    {
        var machine = Enrol();
        Attester().Measure(new(Digest.Of("yesterday's key"u8), Start.Configuration));
        swtpm.Boot();
        Rehearse(changed: false);
        Attester().Measure(Start);
        Assert.Equal([Start], Assert.IsType<Verdict.Trusted>(Verify(Attester().Quote(Transcript), machine)).Evidence.Starts);
    }

    [Fact]
    public void The_attestation_key_survives_restarts_and_a_clear_and_the_reset_counter_shows_the_clear()
    {
        var machine = Enrol();
        swtpm.Boot();
        swtpm.Boot();
        Rehearse(changed: false);
        Attester().Measure(Start);
        var before = Assert.IsType<Verdict.Trusted>(Verify(Attester().Quote(Transcript), machine)).Evidence;
        using (var tpm = TpmDevice.Open(swtpm.Address)) tpm.Execute("Clear", 0x126, [0x4000000A], [TpmAuthorization.Password], new ByteWriter()); // by the lockout hierarchy
        var after = Assert.IsType<Verdict.Trusted>(Verify(Attester().Quote(Transcript), machine)).Evidence;
        Assert.True(after.ResetCount < before.ResetCount, $"{before.ResetCount} then {after.ResetCount}");
    }

    [Fact]
    public void A_machine_that_lost_power_waits_until_its_clock_is_safe()
    {
        var machine = Enrol();
        swtpm.Crash();
        Attester().Measure(Start);
        Assert.Contains(Assert.IsType<Verdict.Rejected>(Verify(Attester().Quote(Transcript), machine)).Reasons, reason => reason.StartsWith("11 counters:", StringComparison.Ordinal));
        Rehearse(changed: false);
        Assert.IsType<Verdict.Trusted>(Verify(Attester().Quote(Transcript), machine));
    }

    [Fact]
    public void Keys_of_every_signature_scheme_are_verified()
    {
        using var tpm = TpmDevice.Open(swtpm.Address);
        var attributes = AttestationKey.Template.Attributes;
        foreach (var template in new[]
                 {
                     TpmPublic.Rsa(attributes, default, hasAes128: false, TpmAlgorithm.RsaSsa), TpmPublic.Rsa(attributes, default, hasAes128: false, TpmAlgorithm.RsaPss),
                     AttestationKey.Template, AttestationKey.Template with { SchemeHash = TpmAlgorithm.Sha384 },
                 })
        {
            using var key = tpm.CreatePrimary(template);
            var (quote, signature) = tpm.Quote(key, [0, 1, 13], Transcript.Span);
            Assert.True(key.Public.Verifies(quote, TpmSignature.Parse(signature)), $"{template.Scheme} {template.SchemeHash}");
            quote[^1] ^= 1;
            Assert.False(key.Public.Verifies(quote, TpmSignature.Parse(signature)));
            Assert.Equal(signature, TpmSignature.Parse(signature).ToBytes());
        }
    }

    [Fact]
    public void A_software_TPM_behind_a_port_answers_too()
    {
        using var other = new Swtpm(overTcp: true);
        using var tpm = TpmDevice.Open(other.Address);
        Assert.True(tpm.IsSoftware);
        Assert.Equal(Digest.From(new byte[32]), tpm.ReadPcrs([13])[13]);
        Assert.NotNull(tpm.ReadNv(TpmDevice.RsaCertificate));
        Assert.Null(tpm.ReadNv(TpmDevice.EccCertificate));
    }

    [Fact]
    public void Other_registers_than_the_firmwares_can_be_enrolled()
    {
        var machine = Enrol() with { Pcrs = [0, 4, 7, 9, 14] };
        var tpm = new TpmMachine(Place);
        var evidence = Assert.IsType<Verdict.Trusted>(Verify(tpm.Attest(Start, Transcript, machine.Pcrs, 13), machine)).Evidence;
        Assert.Equal(["pcr0", "pcr14", "pcr4", "pcr7", "pcr9"], evidence.Claims.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(evidence.Measurement.ToString(), (string)Say("measure", "--tpm", swtpm.Address, "--pcrs", "0,4,7,9,14").Answer["measurement"]!);
    }

    [Fact]
    public void A_boot_is_rehearsed_once()
    {
        using var tpm = TpmDevice.Open(swtpm.Address);
        Assert.Throws<RefusedException>(() => BootRehearsal.Run(tpm, changed: false));
    }

    [Theory]
    [InlineData("swtpm:unix:/nowhere")]
    [InlineData("swtpm:127.0.0.1:1")]
    [InlineData("device:/dev/nowhere")]
    public void A_TPM_that_is_not_there_is_unavailable(string address) => Assert.Throws<UnavailableException>(() => TpmDevice.Open(address));

    [Theory]
    [InlineData("")]
    [InlineData("/dev/tpmrm0")]
    [InlineData("swtpm:localhost:none")]
    public void An_address_without_a_known_form_is_the_callers_mistake(string address) => Assert.Throws<UsageException>(() => TpmDevice.Open(address));

    [Fact]
    public void The_help_names_the_forms_that_an_address_has()
    {
        foreach (var help in (string[])[EnclaveOptions.Usage, EvidenceVerbs.Usage])
        {
            foreach (var form in (string[])["device:/dev/tpmrm0", "swtpm:HOST:PORT", "swtpm:unix:PATH"]) Assert.Contains(form, help);
            Assert.DoesNotContain("tcp:", help);
            Assert.DoesNotContain(" unix:", help);
            Assert.DoesNotContain(" /dev/tpm", help);
        }
    }

    [Fact]
    public void An_operator_rehearses_a_boot_and_enrols_the_machine_with_nothing_but_the_verbs()
    {
        swtpm.Boot();
        var log = Path.Combine(swtpm.Folder, "rehearsed");
        Assert.Equal(0, Say("rehearse-boot", "--tpm", swtpm.Address, "--event-log", log).Code);
        Assert.Equal(File.ReadAllBytes(Place.EventLog), File.ReadAllBytes(log));

        var said = Say("introduce", "--tpm", swtpm.Address, "--intermediate", swtpm.Issuer).Answer;
        var certificates = said["endorsement_certificates"]!.AsArray().Select(der => Convert.FromBase64String((string)der!)).ToList();
        var introduction = new TpmIntroduction(certificates[0], certificates[1..], Convert.FromBase64String((string)said["attestation_key"]!));
        var enrolment = TpmEnrolment.Check(introduction, [Der(swtpm.Root)], DateTimeOffset.UtcNow, out _)!;
        var answer = Say("activate", "--tpm", swtpm.Address, "--credential", Convert.ToBase64String(enrolment.Challenge(Secret).ToBytes())).Answer;
        Assert.Equal(Secret, Convert.FromBase64String((string)answer["secret"]!));
        Assert.Equal(enrolment.Machine, (string)Say("measure", "--tpm", swtpm.Address).Answer["machine"]!);

        Attester().Measure(Start);
        var machine = new EnrolledMachine(enrolment.Machine, "tpm", enrolment.AttestationKey, EnrolledMachine.DefaultPcrs, EnrolledMachine.DefaultApplicationPcr);
        var evidence = Assert.IsType<Verdict.Trusted>(Verify(Attester().Quote(Transcript), machine)).Evidence;
        Assert.Equal(evidence.Measurement.ToString(), (string)Say("measure", "--tpm", swtpm.Address).Answer["measurement"]!);
    }

    [Theory]
    [InlineData("rehearse-boot", "--tpm")]
    [InlineData("introduce", "--changed")]
    [InlineData("measure", "--pcrs", "0,x")]
    [InlineData("measure", "--pcrs", "7,0")]
    [InlineData("measure", "--pcrs", "16")]
    [InlineData("measure", "--pcrs", "0,13")]
    [InlineData("measure", "--tpm", "swtpm:unix:/a", "--tpm", "swtpm:unix:/b")]
    [InlineData("introduce", "--danger-development-evidence", "no/such.key", "--tpm", "swtpm:unix:/a")]
    [InlineData("introduce", "--danger-development-evidence", "no/such.key", "--intermediate", "a.pem")]
    [InlineData("measure", "--tpm", "swtpm:unix:/a", "--danger-development-evidence", "no/such.key")]
    [InlineData("measure", "--danger-development-evidence", "no/such.key", "--pcrs", "0,1")]
    public void A_verb_with_wrong_options_does_nothing(params string[] arguments) => Assert.Throws<UsageException>(() => EvidenceVerbs.Run(arguments, TextWriter.Null));

    [Fact]
    public void What_is_no_verb_of_evidence_is_left_to_others() => Assert.Null(EvidenceVerbs.Run(["run"], TextWriter.Null));

    private static (int? Code, JsonNode Answer) Say(params string[] arguments)
    {
        using var output = new StringWriter();
        var code = EvidenceVerbs.Run(arguments, output);
        return (code, JsonNode.Parse(output.ToString())!);
    }

    private TpmPlace Place => new(swtpm.Address, Path.Combine(swtpm.Folder, "event-log"), Path.Combine(swtpm.Folder, "starts"));

    private TpmAttester Attester() => new(Place, EnrolledMachine.DefaultPcrs, EnrolledMachine.DefaultApplicationPcr);

    private void Rehearse(bool changed)
    {
        using var tpm = TpmDevice.Open(swtpm.Address);
        File.WriteAllBytes(Place.EventLog, BootRehearsal.Run(tpm, changed));
    }

    private TpmEnrolment Enrolment()
    {
        var enrolment = TpmEnrolment.Check(Attester().Introduce(Der(swtpm.Issuer)), [Der(swtpm.Root)], DateTimeOffset.UtcNow.AddMinutes(1), out var reasons);
        Assert.Empty(reasons);
        return enrolment!;
    }

    private EnrolledMachine Enrol()
    {
        var enrolment = Enrolment();
        using var secret = Attester().Activate(TpmCredential.Parse(enrolment.Challenge(Secret).ToBytes()));
        Assert.Equal(Secret, secret.Span.ToArray());
        return new(enrolment.Machine, "tpm", enrolment.AttestationKey, EnrolledMachine.DefaultPcrs, EnrolledMachine.DefaultApplicationPcr);
    }

    private static Verdict Verify(byte[] evidence, EnrolledMachine machine) => EvidenceVerifier.For("tpm").Verify(evidence, machine, Transcript, Start, DateTimeOffset.UtcNow);

    private static void Rejected(string check, Verdict verdict) =>
        Assert.StartsWith(check, Assert.Single(Assert.IsType<Verdict.Rejected>(verdict).Reasons), StringComparison.Ordinal);

    private static byte[] Der(string pem)
    {
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(pem);
        return certificate.RawData;
    }
}
