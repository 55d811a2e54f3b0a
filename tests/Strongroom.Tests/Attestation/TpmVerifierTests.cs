using System.Security.Cryptography;
using Strongroom.Attestation;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation;

/// <summary>One test for each numbered check of spec/evidence.md: evidence that is right in everything else and signed by the right key.</summary>
public sealed class TpmVerifierTests : IDisposable
{
    private readonly TestTpm tpm = new();

    public void Dispose() => tpm.Dispose();

    [Fact]
    public void Trusts_an_honest_quote_and_says_what_was_measured()
    {
        var evidence = tpm.Evidence().ToBytes();
        var trusted = Assert.IsType<Verdict.Trusted>(Verify(evidence)).Evidence;
        Assert.Equal(["pcr0", "pcr1", "pcr2", "pcr3", "pcr4", "pcr5", "pcr6", "pcr7"], trusted.Claims.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(tpm.Values()[3].ToString(), trusted.Claims["pcr3"]);
        Assert.Equal((tpm.Machine.Id, Digest.Of(evidence), TestTpm.Transcript), (trusted.Machine, trusted.Digest, trusted.Transcript));
        Assert.Equal([TestTpm.Start], trusted.Starts);
        Assert.Equal((7ul, 0ul), (trusted.ResetCount, trusted.RestartCount));
        Assert.False(trusted.IsDevelopment);
    }

    [Fact]
    public void Shows_every_start_of_the_boot_so_that_a_policy_can_count_them()
    {
        var first = new EnclaveStart(Digest.Of("an earlier key"u8), TestTpm.Start.Configuration);
        tpm.Starts.Insert(0, first);
        Assert.Equal([first, TestTpm.Start], Assert.IsType<Verdict.Trusted>(Verify(tpm.Evidence().ToBytes())).Evidence.Starts);
    }

    [Fact]
    public void Check_1_rejects_a_key_that_is_not_the_enrolled_one()
    {
        using var other = new TestTpm();
        var verdict = Verifier.Verify(tpm.Evidence().ToBytes(), other.Machine, TestTpm.Transcript, TestTpm.Start, TestTpm.Now);
        Assert.Contains(Assert.IsType<Verdict.Rejected>(verdict).Reasons, reason => reason.StartsWith("4 ", StringComparison.Ordinal));
        Rejected("1 machine: the enrolled key", tpm.Evidence(), tpm.Machine with { Id = other.Machine.Id });
    }

    [Fact]
    public void Check_1_does_not_even_read_a_key_that_came_with_the_evidence()
    {
        var text = System.Text.Encoding.UTF8.GetString(tpm.Evidence().ToBytes());
        var withKey = text.Replace("{\"event_log\"", $"{{\"attestation_key\":\"{Convert.ToBase64String(tpm.Key.ToBytes())}\",\"event_log\"", StringComparison.Ordinal);
        Assert.NotEqual(text, withKey);
        Assert.Throws<MalformedException>(() => Verify(System.Text.Encoding.UTF8.GetBytes(withKey)));
    }

    [Fact]
    public void Check_1_rejects_a_development_machine() => Rejected("1 machine:", tpm.Evidence(), tpm.Machine with { Kind = "development" });

    public static TheoryData<int[], int> Impossible_registers => new()
    {
        { [], 13 }, { [0, 1, 1, 2], 13 }, { [1, 0], 13 }, { [0, 16], 13 }, { [0, 23], 13 }, { [-1], 13 },
        { [0, 1], 7 }, { [0, 1], 16 }, { [0, 1], 23 }, { [0, 13], 13 },
    };

    [Theory]
    [MemberData(nameof(Impossible_registers))]
    public void Check_1_rejects_registers_that_the_operating_system_could_reset(int[] pcrs, int application) =>
        RejectedAmongOthers("1 machine:", tpm.Evidence(), tpm.Machine with { Pcrs = pcrs, ApplicationPcr = application });

    [Theory]
    [InlineData(TpmAttributes.Restricted)]
    [InlineData(TpmAttributes.FixedTpm)]
    [InlineData(TpmAttributes.FixedParent)]
    [InlineData(TpmAttributes.SensitiveDataOrigin)]
    [InlineData(TpmAttributes.Sign)]
    [InlineData(TpmAttributes.Decrypt)]
    [InlineData(TpmAttributes.EncryptedDuplication)]
    [InlineData(TpmAttributes.StClear)]
    public void Check_2_rejects_a_key_with_one_attribute_wrong(TpmAttributes wrong)
    {
        var key = tpm.Key with { Attributes = tpm.Key.Attributes ^ wrong };
        Rejected("2 key:", tpm.Evidence(quote => quote with { QualifiedSigner = AttestationKey.QualifiedName(key) }), TestTpm.MachineOf(key));
    }

    [Fact]
    public void Check_2_rejects_a_key_that_signs_by_any_scheme()
    {
        var key = tpm.Key with { Scheme = TpmAlgorithm.Null, SchemeHash = TpmAlgorithm.Null };
        RejectedAmongOthers("2 key:", tpm.Evidence(quote => quote with { QualifiedSigner = AttestationKey.QualifiedName(key) }), TestTpm.MachineOf(key));
    }

    [Fact]
    public void Check_3_rejects_a_signature_by_another_hash_than_the_keys()
    {
        var values = tpm.Values();
        var quote = (tpm.Quote(values) with { PcrDigest = SHA384.HashData([.. values.Values.SelectMany(value => value.Span.ToArray())]) }).ToBytes();
        Rejected("3 algorithms:", tpm.Evidence() with { Quote = quote, Signature = tpm.Sign(quote, 0x000C) });
    }

    [Theory]
    [InlineData(0x0004)] // SHA-1
    [InlineData(0x0010)] // none
    [InlineData(0x0012)] // SM3
    public void Check_3_rejects_a_weak_or_unknown_hash(int hash)
    {
        var signature = tpm.Evidence().Signature;
        (signature[2], signature[3]) = (0, (byte)hash);
        Assert.Throws<MalformedException>(() => Verify((tpm.Evidence() with { Signature = signature }).ToBytes()));
    }

    [Fact]
    public void Check_4_rejects_a_signature_over_other_bytes() => Rejected("4 signature:", tpm.Evidence() with { Signature = tpm.Sign([1, 2, 3]) });

    [Fact]
    public void Check_4_rejects_a_signature_by_another_key()
    {
        using var other = new TestTpm();
        Rejected("4 signature:", tpm.Evidence() with { Signature = other.Sign(tpm.Evidence().Quote) });
    }

    [Fact]
    public void Check_4_rejects_numbers_longer_than_the_field()
    {
        var signature = TpmSignature.Parse(tpm.Evidence().Signature);
        Rejected("4 signature:", tpm.Evidence() with { Signature = (signature with { R = (byte[])[1, .. signature.R.Span] }).ToBytes() });
    }

    [Theory]
    [InlineData(0)] // magic
    [InlineData(5)] // type: TPM_ST_ATTEST_CERTIFY is 8017
    public void Check_5_refuses_a_signed_structure_that_is_no_quote(int at)
    {
        var quote = tpm.Evidence().Quote;
        quote[at] ^= 0x0F;
        Assert.Throws<MalformedException>(() => Verify((tpm.Evidence() with { Quote = quote, Signature = tpm.Sign(quote) }).ToBytes()));
    }

    [Fact]
    public void Check_6_rejects_a_stale_quote() => Rejected("6 transcript:", tpm.Evidence(quote => quote with { ExtraData = Digest.Of("yesterday"u8).Span.ToArray() }));

    [Fact]
    public void Check_6_rejects_a_transcript_cut_short() => Rejected("6 transcript:", tpm.Evidence(quote => quote with { ExtraData = quote.ExtraData[..31] }));

    [Fact]
    public void Check_6_rejects_a_quote_without_a_transcript() => Rejected("6 transcript:", tpm.Evidence(quote => quote with { ExtraData = default }));

    [Fact]
    public void Check_7_rejects_another_register_in_the_place_of_one_that_is_read()
    {
        // PCR 16 can be reset and extended at will: the same values in the same order, quoted from there
        var values = tpm.Values();
        var quote = tpm.Quote(values) with { Selections = [new(0x000B, [0, 1, 2, 3, 4, 5, 6, 13, 16])] };
        Rejected("7 selection: the quote", tpm.Evidence(quote, values));
    }

    [Fact]
    public void Check_7_rejects_one_register_less()
    {
        var values = tpm.Values();
        values.Remove(7);
        RejectedAmongOthers("7 selection: the quote", tpm.Evidence(tpm.Quote(values), values));
    }

    [Fact]
    public void Check_7_rejects_one_register_more()
    {
        var values = tpm.Values();
        values[8] = Digest.Of("more"u8);
        RejectedAmongOthers("7 selection: the quote", tpm.Evidence(tpm.Quote(values), values));
    }

    [Fact]
    public void Check_7_rejects_a_second_bank()
    {
        var quote = tpm.Quote(tpm.Values());
        RejectedAmongOthers("7 selection: the quote", tpm.Evidence(_ => quote with { Selections = [.. quote.Selections, .. quote.Selections] }));
    }

    [Theory]
    [InlineData("07")]
    [InlineData("16")]
    public void Check_7_rejects_values_under_other_numbers(string name)
    {
        var evidence = tpm.Evidence();
        var values = evidence.Pcrs.ToDictionary(value => value.Key == "7" ? name : value.Key, value => value.Value);
        Rejected("7 selection: the values", evidence with { Pcrs = values });
    }

    [Fact]
    public void Check_8_rejects_values_that_were_not_quoted()
    {
        var wished = tpm.Values();
        var quote = tpm.Quote(wished);
        wished[13] = Digest.Of("wished"u8);
        RejectedAmongOthers("8 digest:", tpm.Evidence(quote, wished));
    }

    [Fact]
    public void Check_8_rejects_two_values_swapped()
    {
        var values = tpm.Values();
        tpm.Events.Add(TestTpm.Event(0, 1, "tells 0 from 1"u8));
        var honest = tpm.Values();
        (values[0], values[1]) = (honest[1], honest[0]);
        RejectedAmongOthers("8 digest:", tpm.Evidence(tpm.Quote(honest), values));
    }

    [Theory]
    [InlineData(0x0004)] // SHA-1
    [InlineData(0x000C)] // SHA-384
    public void Check_9_rejects_any_other_bank(int bank) =>
        Rejected("9 bank:", tpm.Evidence(quote => quote with { Selections = [quote.Selections[0] with { Bank = (ushort)bank }] }));

    [Fact]
    public void Check_10_rejects_an_event_log_that_leads_elsewhere()
    {
        var evidence = tpm.Evidence();
        tpm.Events[0] = TestTpm.Event(0, 0x80000001, "evil firmware"u8);
        Rejected("10 event log: it does not lead to PCR 0", evidence with { EventLog = EventLog.Compose(tpm.Events) });
    }

    [Fact]
    public void Check_10_rejects_an_event_hidden_as_no_action()
    {
        var evidence = tpm.Evidence();
        tpm.Events[2] = tpm.Events[2] with { Type = 3 };
        Rejected("10 event log: it does not lead to PCR 1", evidence with { EventLog = EventLog.Compose(tpm.Events) });
    }

    [Fact]
    public void Check_10_rejects_a_false_startup_locality()
    {
        var evidence = tpm.Evidence();
        tpm.Events.Insert(0, TestTpm.Event(0, 3, "StartupLocality\0\u0003"u8));
        Rejected("10 event log: it does not lead to PCR 0", evidence with { EventLog = EventLog.Compose(tpm.Events) });
    }

    [Fact]
    public void Check_10_refuses_evidence_without_an_event_log() => Assert.Throws<MalformedException>(() => Verify((tpm.Evidence() with { EventLog = [] }).ToBytes()));

    [Fact]
    public void Check_11_rejects_a_machine_that_was_suspended() => Rejected("11 counters:", tpm.Evidence(quote => quote with { RestartCount = 1 }));

    [Fact]
    public void Check_11_rejects_a_clock_that_may_have_gone_back() => Rejected("11 counters:", tpm.Evidence(quote => quote with { Safe = false }));

    [Fact]
    public void Check_12_rejects_another_process_that_asks_with_its_own_key()
    {
        var other = TestTpm.Start with { HpkeKey = Digest.Of("the other process's key"u8) };
        var verdict = Verifier.Verify(tpm.Evidence().ToBytes(), tpm.Machine, TestTpm.Transcript, other, TestTpm.Now);
        Assert.StartsWith("12 starts: the enclave", Assert.Single(Assert.IsType<Verdict.Rejected>(verdict).Reasons), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_12_rejects_an_enclave_with_another_configuration()
    {
        var other = TestTpm.Start with { Configuration = Digest.Of("pinned to the attacker's ledger"u8) };
        var verdict = Verifier.Verify(tpm.Evidence().ToBytes(), tpm.Machine, TestTpm.Transcript, other, TestTpm.Now);
        Assert.StartsWith("12 starts: the enclave", Assert.Single(Assert.IsType<Verdict.Rejected>(verdict).Reasons), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_12_rejects_a_start_that_the_log_keeps_silent_about()
    {
        tpm.Starts.Insert(0, TestTpm.Start with { HpkeKey = Digest.Of("an earlier process's key"u8) });
        Rejected("12 starts: the log", tpm.Evidence() with { Starts = [TestTpm.Start] });
    }

    [Fact]
    public void Check_12_rejects_a_start_that_was_never_measured()
    {
        var values = tpm.Values();
        values[13] = EnclaveStart.Replay([]);
        Rejected("12 starts: the log", tpm.Evidence(tpm.Quote(values), values));
    }

    [Fact]
    public void Check_12_rejects_an_empty_log()
    {
        tpm.Starts.Clear();
        Rejected("12 starts: the enclave", tpm.Evidence());
    }

    [Fact]
    public void Check_12_rejects_more_starts_than_anyone_will_replay()
    {
        tpm.Starts.InsertRange(0, Enumerable.Repeat(TestTpm.Start, EvidenceVerifier.MaxStarts));
        RejectedAmongOthers("12 starts:", tpm.Evidence());
    }

    [Fact]
    public void Check_13_rejects_a_key_of_another_hierarchy() =>
        Rejected("13 signer:", tpm.Evidence(quote => quote with { QualifiedSigner = new byte[34] }));

    [Fact]
    public void Refuses_any_truncation()
    {
        var evidence = tpm.Evidence().ToBytes();
        for (var length = 0; length < evidence.Length; length++) Assert.False(Trusted(evidence.AsMemory(0, length)), $"length {length}");
    }

    [Fact]
    public void Refuses_any_flipped_bit_outside_the_event_log()
    {
        var evidence = tpm.Evidence().ToBytes();
        var log = evidence.AsSpan().IndexOf("\"event_log\":\""u8) + 13;
        var end = log + evidence.AsSpan(log).IndexOf((byte)'"');
        foreach (var at in Enumerable.Range(0, evidence.Length).Where(at => at < log || at >= end))
        {
            for (var bit = 1; bit < 256; bit <<= 3)
            {
                evidence[at] ^= (byte)bit;
                Assert.False(Trusted(evidence), $"byte {at}, bit {bit}");
                evidence[at] ^= (byte)bit;
            }
        }
    }

    [Fact]
    public void No_flipped_bit_of_the_event_log_changes_what_is_believed()
    {
        var evidence = tpm.Evidence();
        var believed = Assert.IsType<Verdict.Trusted>(Verify(evidence.ToBytes())).Evidence;
        var refused = 0;
        for (var bit = 0; bit < evidence.EventLog.Length * 8; bit += 5) // every byte, and over the bytes every bit
        {
            var log = evidence.EventLog.ToArray();
            log[bit / 8] ^= (byte)(1 << (bit % 8));
            var changed = (evidence with { EventLog = log }).ToBytes();
            if (Believed(changed) is not { } evidenceThen) refused++;
            else Assert.Equal(believed.Measurement, evidenceThen.Measurement);
        }
        Assert.True(refused > evidence.EventLog.Length * 8 / 5 / 2, $"only {refused} refused: digests and lengths are most of the log");
    }

    private static EvidenceVerifier Verifier => EvidenceVerifier.For("tpm");

    private Verdict Verify(ReadOnlyMemory<byte> evidence) => Verifier.Verify(evidence, tpm.Machine, TestTpm.Transcript, TestTpm.Start, TestTpm.Now);

    private bool Trusted(ReadOnlyMemory<byte> evidence) => Believed(evidence) is not null;

    private VerifiedEvidence? Believed(ReadOnlyMemory<byte> evidence)
    {
        try
        {
            return (Verify(evidence) as Verdict.Trusted)?.Evidence;
        }
        catch (MalformedException)
        {
            return null;
        }
    }

    /// <summary>The one check named refuses, and no other: the evidence is right in everything else.</summary>
    private void Rejected(string check, TpmEvidence evidence, EnrolledMachine? machine = null) =>
        Assert.StartsWith(check, Assert.Single(Reasons(evidence, machine)), StringComparison.Ordinal);

    private void RejectedAmongOthers(string check, TpmEvidence evidence, EnrolledMachine? machine = null) =>
        Assert.Contains(Reasons(evidence, machine), reason => reason.StartsWith(check, StringComparison.Ordinal));

    private IReadOnlyList<string> Reasons(TpmEvidence evidence, EnrolledMachine? machine) =>
        Assert.IsType<Verdict.Rejected>(Verifier.Verify(evidence.ToBytes(), machine ?? tpm.Machine, TestTpm.Transcript, TestTpm.Start, TestTpm.Now)).Reasons;
}
