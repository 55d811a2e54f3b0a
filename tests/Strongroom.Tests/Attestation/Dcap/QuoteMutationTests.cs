using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Dcap;

/// <summary>Bytes changed anywhere, in what is signed and what is not: a second of it here, a minute with STRONGROOM_LONG.</summary>
public sealed class QuoteMutationTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(Environment.GetEnvironmentVariable("STRONGROOM_LONG") is null ? 1 : 60);

    [Theory]
    [InlineData("tdx")]
    [InlineData("sgx")]
    public void A_mutated_quote_gets_an_orderly_answer(string kind)
    {
        var platform = new TestPlatform(kind);
        var (good, endorsements) = (platform.Quote(), platform.Endorsements());
        Repeat(() =>
        {
            var file = Mutated(RandomNumberGenerator.GetInt32(4) == 0 ? Encoding.UTF8.GetBytes($$"""{"quote":"{{Convert.ToBase64String(good)}}","cc_eventlog":"\ud83d\ude00"}""") : good);
            Orderly(() => Appraiser.Recognise(file));
            Orderly(() => Appraiser.For(kind)!.Show(file));
            Orderly(() => Appraise(kind, file, endorsements));
        });
    }

    [Fact]
    public void Mutated_endorsements_get_an_orderly_answer_and_never_change_a_verdict_for_the_better()
    {
        // The module is out of date: whatever becomes of the files, no verdict may call it current.
        var platform = new TestPlatform("tdx") { Body = body => body[0] = body[584] = 4 };
        var quote = platform.Quote();
        Dictionary<string, byte[]> good = [];
        new TestPlatform("tdx") { Files = files => good = new(files) }.Endorsements();
        Repeat(() =>
        {
            var files = good.ToDictionary(file => file.Key, file => RandomNumberGenerator.GetInt32(3) == 0 ? Mutated(file.Value) : file.Value);
            Orderly(() =>
            {
                var endorsements = Endorsements.Read(files.Select(file => (file.Key, (ReadOnlyMemory<byte>)file.Value)));
                Assert.NotEqual(Outcome.Verified, Appraise("tdx", quote, endorsements).Outcome);
            });
        });
    }

    private static AttestationResult Appraise(string kind, byte[] file, Endorsements endorsements) =>
        Appraiser.For(kind, TestIntel.One.Roots)!.Appraise(new(file, TestIntel.At) { Endorsements = endorsements, ReportData = TestPlatform.ReportData });

    private static void Orderly(Action action)
    {
        try
        {
            action();
        }
        catch (MalformedException)
        {
        }
    }

    private static void Repeat(Action action)
    {
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < Patience;) action();
    }

    /// <summary>One to eight bytes changed, or a piece taken out or doubled.</summary>
    private static byte[] Mutated(byte[] good)
    {
        var (at, size) = (RandomNumberGenerator.GetInt32(good.Length), RandomNumberGenerator.GetInt32(1, 64));
        size = Math.Min(size, good.Length - at);
        switch (RandomNumberGenerator.GetInt32(4))
        {
            case 0: return [.. good[..at], .. good[(at + size)..]];
            case 1: return [.. good[..(at + size)], .. good[at..]];
            default:
                var mutated = good.ToArray();
                for (var i = RandomNumberGenerator.GetInt32(1, 9); i > 0; i--) mutated[RandomNumberGenerator.GetInt32(good.Length)] = (byte)RandomNumberGenerator.GetInt32(256);
                return mutated;
        }
    }
}
