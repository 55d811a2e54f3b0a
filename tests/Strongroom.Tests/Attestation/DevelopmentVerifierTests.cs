using System.Text;
using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Tests.Attestation;

public sealed class DevelopmentVerifierTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
    private static readonly Digest Transcript = Digest.Of("transcript"u8);
    private static readonly EnclaveStart Start = new(Digest.Of("key"u8), Digest.Of("configuration"u8));
    private static readonly Dictionary<string, string> Claims = new() { ["build"] = "debug" };

    private readonly Ed25519PrivateKey key = Ed25519PrivateKey.FromSeed(new byte[32]);

    private EnrolledMachine Machine => new(EnrolledMachine.IdOf(key.PublicKey.Span), "development", key.PublicKey.Span.ToArray(), [], 13);

    [Fact]
    public void Trusts_what_the_enrolled_key_signed_and_marks_it()
    {
        var evidence = DevelopmentEvidence.Sign(key, Transcript, Claims, [Start]);
        var trusted = Assert.IsType<Verdict.Trusted>(Verify(evidence)).Evidence;
        Assert.True(trusted.IsDevelopment);
        Assert.Equal(Digest.Of(evidence), trusted.Digest);
        Assert.Equal("debug", trusted.Claims["build"]);
        Assert.Equal(Measurement.Of("development", Claims), trusted.Measurement);
    }

    [Fact]
    public void Nobody_gets_a_development_verifier_without_naming_the_danger()
    {
        var evidence = DevelopmentEvidence.Sign(key, Transcript, Claims, [Start]);
        var verdict = EvidenceVerifier.For("development").Verify(evidence, Machine, Transcript, Start, Now);
        Assert.Contains("--danger-development-evidence", Assert.Single(Assert.IsType<Verdict.Rejected>(verdict).Reasons));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Development")]
    [InlineData("snp")]
    public void Rejects_a_kind_that_it_does_not_know(string kind)
    {
        var evidence = DevelopmentEvidence.Sign(key, Transcript, Claims, [Start]);
        Assert.IsType<Verdict.Rejected>(EvidenceVerifier.For(kind, DangerousEvidence.Development).Verify(evidence, Machine, Transcript, Start, Now));
    }

    [Fact]
    public void Rejects_a_stale_transcript() => Rejected("transcript:", DevelopmentEvidence.Sign(key, Digest.Of("yesterday"u8), Claims, [Start]));

    [Fact]
    public void Rejects_another_machines_key()
    {
        using var other = Ed25519PrivateKey.FromSeed(Enumerable.Repeat((byte)7, 32).ToArray());
        Rejected("signature:", DevelopmentEvidence.Sign(other, Transcript, Claims, [Start]));
    }

    [Fact]
    public void Rejects_an_asker_that_did_not_start_last() =>
        Rejected("starts:", DevelopmentEvidence.Sign(key, Transcript, Claims, [Start, Start with { HpkeKey = Digest.Of("other"u8) }]));

    [Fact]
    public void Rejects_a_log_without_starts() => Rejected("starts:", DevelopmentEvidence.Sign(key, Transcript, Claims, []));

    [Fact]
    public void Rejects_a_machine_of_another_kind()
    {
        var evidence = DevelopmentEvidence.Sign(key, Transcript, Claims, [Start]);
        var verdict = EvidenceVerifier.For("development", DangerousEvidence.Development).Verify(evidence, Machine with { Kind = "tpm" }, Transcript, Start, Now);
        Assert.StartsWith("kind:", Assert.Single(Assert.IsType<Verdict.Rejected>(verdict).Reasons), StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_any_flipped_bit_and_any_truncation()
    {
        var evidence = DevelopmentEvidence.Sign(key, Transcript, Claims, [Start]);
        for (var bit = 0; bit < evidence.Length * 8; bit++)
        {
            evidence[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(Trusted(evidence), $"bit {bit}: {Encoding.Latin1.GetString(evidence)}");
            evidence[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        for (var length = 0; length < evidence.Length; length++) Assert.False(Trusted(evidence.AsMemory(0, length)), $"length {length}");
    }

    private Verdict Verify(ReadOnlyMemory<byte> evidence) =>
        EvidenceVerifier.For("development", DangerousEvidence.Development).Verify(evidence, Machine, Transcript, Start, Now);

    private bool Trusted(ReadOnlyMemory<byte> evidence)
    {
        try
        {
            return Verify(evidence) is Verdict.Trusted;
        }
        catch (MalformedException)
        {
            return false;
        }
    }

    private void Rejected(string check, byte[] evidence) =>
        Assert.StartsWith(check, Assert.Single(Assert.IsType<Verdict.Rejected>(Verify(evidence)).Reasons), StringComparison.Ordinal);
}
