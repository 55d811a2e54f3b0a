using System.Security.Cryptography;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Appraisal;

/// <summary>What holds for every kind of evidence: nothing but the right bytes verifies, and whatever else comes is refused quickly and in an orderly way.</summary>
public abstract class AppraiserContract
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);

    /// <summary>Evidence that verifies.</summary>
    protected abstract byte[] Good();

    /// <summary>Appraises with everything that <see cref="Good"/> needs to verify.</summary>
    private protected abstract AttestationResult Appraise(ReadOnlyMemory<byte> evidence);

    /// <summary>The bytes that a signature covers, directly or through a hash; every bit of them counts.</summary>
    protected abstract IEnumerable<Range> SignedRanges(byte[] good);

    /// <summary>How many bits of the signed bytes are flipped; all of them in the long run.</summary>
    protected virtual int FlippedBits => 2000;

    [Fact]
    public void Good_evidence_verifies()
    {
        var result = Appraise(Good());
        Assert.Empty(result.Failures);
        Assert.Equal(Outcome.Verified, result.Outcome);
    }

    [Fact]
    public void Check_ids_are_unique_and_every_check_says_what_it_is()
    {
        var checks = Appraise(Good()).Checks;
        Assert.Equal(checks.Count, checks.DistinctBy(check => check.Id).Count());
        Assert.All(checks, check => Assert.NotEmpty(check.What));
    }

    [Fact]
    public void Garbage_never_verifies()
    {
        for (var size = 0; size < 6000; size = size * 5 / 4 + 1)
            RequireRefused(RandomNumberGenerator.GetBytes(size));
    }

    [Fact]
    public void Truncated_evidence_is_refused_at_every_byte()
    {
        var good = Good();
        var step = good.Length <= 8192 || Environment.GetEnvironmentVariable("STRONGROOM_LONG") is not null ? 1 : good.Length / 8192 + 1;
        for (var size = 0; size < good.Length; size += step) RequireRefused(good.AsMemory(0, size));
    }

    [Fact]
    public void Every_flipped_bit_of_signed_bytes_is_refused()
    {
        var good = Good();
        var bits = SignedRanges(good).SelectMany(range => Enumerable.Range(range.Start.GetOffset(good.Length), range.GetOffsetAndLength(good.Length).Length)).SelectMany(at => Enumerable.Range(0, 8).Select(bit => (at, bit))).ToArray();
        if (Environment.GetEnvironmentVariable("STRONGROOM_LONG") is null && bits.Length > FlippedBits)
        {
            RandomNumberGenerator.Shuffle(bits.AsSpan());
            bits = bits[..FlippedBits];
        }
        foreach (var (at, bit) in bits)
        {
            var flipped = good.ToArray();
            flipped[at] ^= (byte)(1 << bit);
            RequireRefused(flipped);
        }
    }

    [Fact]
    public void No_input_takes_long()
    {
        Appraise(Good()); // warm
        foreach (var evidence in (byte[][])[Good(), new byte[Appraiser.MaxSizeInBytes], [.. Good(), .. new byte[1_000_000]], [.. Enumerable.Repeat((byte)0x30, 1_000_000)], [.. Enumerable.Repeat((byte)'[', 1_000_000)]])
        {
            var shortest = ThreadTime.Shortest(() => Refused(evidence));
            Assert.True(shortest < Patience, $"{evidence.Length} bytes took {shortest}");
        }
    }

    private void RequireRefused(ReadOnlyMemory<byte> evidence) => Assert.True(Refused(evidence));

    private bool Refused(ReadOnlyMemory<byte> evidence)
    {
        try
        {
            return Appraise(evidence).Outcome != Outcome.Verified;
        }
        catch (MalformedException) // any other exception is a defect
        {
            return true;
        }
    }
}
