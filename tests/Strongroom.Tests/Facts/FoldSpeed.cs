using Strongroom.Crypto;
using Strongroom.Facts;

namespace Strongroom.Tests.Facts;

/// <summary>
/// What a broker's start, a release and an audit cost, in processor time; run by name with <c>-explicit only -method '*FoldSpeed*'</c>. Figures, no verdict.
/// </summary>
public sealed class FoldSpeed(ITestOutputHelper output)
{
    [Fact(Explicit = true)]
    public async Task Of_three_thousand_releases()
    {
        const int releases = 3_000;
        var town = Town.Furnished(Town.Policy(owners: 1));
        var decide = TimeSpan.Zero;
        using var key = HpkePrivateKey.Generate();
        for (var i = 0; i < releases; i++)
        {
            var request = town.Opened();
            town.Write(town.Approve(town.Owner1, request));
            var transcript = town.Transcript(request, key.PublicKey);
            var evidence = town.Evidence(transcript.Digest(), key.PublicKey);
            var before = Spent;
            var decision = ReleaseDecision.Make(town.State, transcript, AttestationResult.Of(town.State, transcript, evidence), town.Now);
            town.Append(decision.Record, evidence, town.Blobs[town.Measured]);
            decide += Spent - before;
        }
        var fold = Spent;
        var folded = town.Entries.Aggregate(LedgerState.Empty, (state, entry) => state.Apply(state.Size, LedgerRecord.Parse(entry)));
        fold = Spent - fold;
        Assert.Equal(town.State.Size, folded.Size);
        var read = Spent;
        var records = town.Entries.ConvertAll(entry => LedgerRecord.ReadProved(entry));
        read = Spent - read;
        var apply = Spent;
        Assert.Equal(records.Count, records.Aggregate(LedgerState.Empty, (state, record) => state.Apply(state.Size, record)).Size);
        apply = Spent - apply;
        var hash = Spent;
        var edge = new Strongroom.Ledger.TreeEdge();
        foreach (var entry in town.Entries) edge.Append(Strongroom.Ledger.MerkleTree.LeafHash(entry));
        hash = Spent - hash;
        output.WriteLine($"a start: read {read.TotalMicroseconds / records.Count:0.0} us, fold {apply.TotalMicroseconds / records.Count:0.0} us, hash {hash.TotalMicroseconds / records.Count:0.0} us a record");
        var replay = Spent;
        Assert.Empty((await town.Audit()).Deviations);
        replay = Spent - replay;
        output.WriteLine($"decide, serialise and fold one release: {decide.TotalMicroseconds / releases:0} us");
        output.WriteLine($"parse and fold: {town.Entries.Count / fold.TotalSeconds:0} records a second");
        output.WriteLine($"replay, signatures and decisions included: {town.Entries.Count / replay.TotalSeconds:0} records a second");
    }

    /// <summary>Processor time, so that whatever else runs on the machine is not measured.</summary>
    private static TimeSpan Spent => Environment.CpuUsage.TotalTime;
}
