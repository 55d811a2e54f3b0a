using Strongroom.Attestation;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Tests.Attestation.Composite;

namespace Strongroom.Tests.Attestation;

/// <summary>What holds for every kind of evidence. A new verifier derives from this and adds its own numbered checks beside it.</summary>
public abstract class EvidenceVerifierContract
{
    private static readonly DateTimeOffset Now = TestTpm.Now;

    protected abstract string Kind { get; }

    protected abstract EnrolledMachine Machine { get; }

    /// <summary>Honest evidence of <see cref="Machine"/>, whose only start is the given one.</summary>
    protected abstract byte[] Evidence(Digest transcript, EnclaveStart start);

    [Fact]
    public void Honest_evidence_is_trusted_and_carries_what_was_asked()
    {
        var evidence = Evidence(TestTpm.Transcript, TestTpm.Start);
        var trusted = Assert.IsType<Verdict.Trusted>(Verify(evidence)).Evidence;
        Assert.Equal((Kind, Machine.Id), (trusted.Kind, trusted.Machine));
        Assert.Equal((Digest.Of(evidence), TestTpm.Transcript, Now), (trusted.Digest, trusted.Transcript, trusted.VerifiedAt));
        Assert.Equal(Measurement.Of(Kind, trusted.Claims), trusted.Measurement);
        Assert.Equal([TestTpm.Start], trusted.Starts);
    }

    [Fact]
    public void The_same_state_has_the_same_measurement_whatever_was_asked()
    {
        var first = Assert.IsType<Verdict.Trusted>(Verify(Evidence(TestTpm.Transcript, TestTpm.Start))).Evidence;
        var other = Digest.Of("another transcript"u8);
        var second = Assert.IsType<Verdict.Trusted>(Verifier.Verify(Evidence(other, TestTpm.Start), Machine, other, TestTpm.Start, Now)).Evidence;
        Assert.Equal(first.Measurement, second.Measurement);
        Assert.NotEqual(first.Digest, second.Digest);
    }

    [Fact]
    public void Evidence_for_another_transcript_is_rejected() => Assert.IsType<Verdict.Rejected>(Verify(Evidence(Digest.Of("yesterday"u8), TestTpm.Start)));

    [Fact]
    public void Evidence_of_another_start_is_rejected()
    {
        Assert.IsType<Verdict.Rejected>(Verify(Evidence(TestTpm.Transcript, TestTpm.Start with { HpkeKey = Digest.Of("other"u8) })));
        Assert.IsType<Verdict.Rejected>(Verify(Evidence(TestTpm.Transcript, TestTpm.Start with { Configuration = Digest.Of("other"u8) })));
    }

    [Fact]
    public void A_machine_of_another_kind_is_rejected() =>
        Assert.IsType<Verdict.Rejected>(Verifier.Verify(Evidence(TestTpm.Transcript, TestTpm.Start), Machine with { Kind = "other" }, TestTpm.Transcript, TestTpm.Start, Now));

    [Fact]
    public void Evidence_of_another_kind_is_malformed()
    {
        var text = System.Text.Encoding.UTF8.GetString(Evidence(TestTpm.Transcript, TestTpm.Start)).Replace($"\"kind\":\"{Kind}\"", "\"kind\":\"other\"", StringComparison.Ordinal);
        Assert.True(Refused(System.Text.Encoding.UTF8.GetBytes(text)));
    }

    [Fact]
    public void Evidence_is_refused_at_every_truncation_and_with_anything_behind_it()
    {
        var evidence = Evidence(TestTpm.Transcript, TestTpm.Start);
        for (var length = 0; length < evidence.Length; length++) Assert.True(Refused(evidence.AsMemory(0, length)), $"length {length}");
        Assert.True(Refused((byte[])[.. evidence, (byte)' ']));
    }

    [Fact]
    public void Evidence_longer_than_anyone_will_read_is_malformed() =>
        Assert.Throws<MalformedException>(() => Verify(new byte[EvidenceVerifier.MaxSizeInBytes + 1]));

    protected virtual EvidenceVerifier Verifier => EvidenceVerifier.For(Kind, DangerousEvidence.Development);

    private Verdict Verify(ReadOnlyMemory<byte> evidence) => Verifier.Verify(evidence, Machine, TestTpm.Transcript, TestTpm.Start, Now);

    private bool Refused(ReadOnlyMemory<byte> evidence)
    {
        try
        {
            return Verify(evidence) is Verdict.Rejected;
        }
        catch (MalformedException)
        {
            return true;
        }
    }
}

public sealed class TpmContract : EvidenceVerifierContract, IDisposable
{
    private readonly TestTpm tpm = new();

    protected override string Kind => "tpm";

    protected override EnrolledMachine Machine => tpm.Machine;

    public void Dispose() => tpm.Dispose();

    protected override byte[] Evidence(Digest transcript, EnclaveStart start)
    {
        tpm.Starts.Clear();
        tpm.Starts.Add(start);
        return tpm.Evidence(quote => quote with { ExtraData = transcript.Span.ToArray() }).ToBytes();
    }
}

public sealed class DevelopmentContract : EvidenceVerifierContract, IDisposable
{
    private readonly Ed25519PrivateKey key = Ed25519PrivateKey.FromSeed(new byte[32]);

    protected override string Kind => "development";

    protected override EnrolledMachine Machine => new(EnrolledMachine.IdOf(key.PublicKey.Span), "development", key.PublicKey.Span.ToArray(), [], 13);

    public void Dispose() => key.Dispose();

    protected override byte[] Evidence(Digest transcript, EnclaveStart start) => DevelopmentEvidence.Sign(key, transcript, new Dictionary<string, string> { ["build"] = "debug" }, [start]);
}

public abstract class TeeContract : EvidenceVerifierContract
{
    private readonly TestMachine machine;
    private readonly Endorsements endorsements;

    protected TeeContract()
    {
        machine = TestMachine.Of(Kind, TestTpm.Now);
        (endorsements, Machine) = (machine.Endorsements(TestTpm.Now), machine.Enrolled(TestTpm.Now));
    }

    protected override EnrolledMachine Machine { get; }

    protected override EvidenceVerifier Verifier => EvidenceVerifier.For(Kind, DangerousEvidence.None, endorsements, machine.Roots);

    /// <summary>The transcript of a release names the start, so another start is another transcript.</summary>
    protected override byte[] Evidence(Digest transcript, EnclaveStart start) =>
        machine.Evidence(start == TestTpm.Start ? transcript : Digest.Of([.. transcript.Span, .. start.Measure().Span]), TestTpm.Now);
}

public sealed class SnpContract : TeeContract
{
    protected override string Kind => "sev-snp";
}

public sealed class TdxContract : TeeContract
{
    protected override string Kind => "tdx";
}

public sealed class NitroContract : TeeContract
{
    protected override string Kind => "nitro";
}
