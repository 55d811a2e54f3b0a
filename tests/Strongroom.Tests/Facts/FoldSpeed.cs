using System.Diagnostics;
using Strongroom.Crypto;
using Strongroom.Facts;

namespace Strongroom.Tests.Facts;

/// <summary>
/// What a broker's start, a release and an audit cost, one thread; run by name with <c>-explicit only -method '*FoldSpeed*'</c>. Figures, no verdict.
/// </summary>
public sealed class FoldSpeed(ITestOutputHelper output)
{
    [Fact(Explicit = true)]
    public async Task Of_ten_thousand_releases()
    {
        const int releases = 10_000;
        var town = Town.Furnished(Town.Policy(owners: 1));
        var decide = new Stopwatch();
        using var key = HpkePrivateKey.Generate();
        for (var i = 0; i < releases; i++)
        {
            var request = town.Opened();
            town.Write(town.Approve(town.Owner1, request));
            var transcript = town.Transcript(request, key.PublicKey);
            var evidence = town.Evidence(transcript.Digest(), key.PublicKey);
            decide.Start();
            var decision = ReleaseDecision.Make(town.State, transcript, evidence, town.Now);
            town.Append(decision.Record, evidence);
            decide.Stop();
        }
        var fold = Stopwatch.StartNew();
        var folded = town.Entries.Aggregate(LedgerState.Empty, (state, entry) => state.Apply(state.Size, LedgerRecord.Parse(entry)));
        fold.Stop();
        Assert.Equal(town.State.Size, folded.Size);
        var replay = Stopwatch.StartNew();
        Assert.Empty((await town.Audit()).Deviations);
        replay.Stop();
        output.WriteLine($"decide, serialise and fold one release: {decide.Elapsed.TotalMicroseconds / releases:0} us");
        output.WriteLine($"parse and fold: {town.Entries.Count / fold.Elapsed.TotalSeconds:0} records a second");
        output.WriteLine($"replay, signatures and decisions included: {town.Entries.Count / replay.Elapsed.TotalSeconds:0} records a second");
    }
}
