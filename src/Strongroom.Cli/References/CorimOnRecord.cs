using Strongroom.Bytes;
using Strongroom.Facts;

namespace Strongroom.Cli.References;

/// <summary>What an approver's own client finds in the CoRIM that a proposal rests on: neither proposer nor broker has to be believed for it.</summary>
internal static class CorimOnRecord
{
    /// <exception cref="RefusedException">It is not there, not signed by the key that the proposal names, out of its time, or says something else than the set.</exception>
    internal static async Task<IReadOnlyList<string>> CheckAsync(Session session, SetReference set, CorimSource corim, CancellationToken cancel)
    {
        var bytes = await session.Broker.BlobAsync(corim.File, cancel);
        var (_, values) = CorimRules.Read(bytes, corim.Signer, set.Kind, set.Values.GetValueOrDefault("product"), Session.Now);
        if (CorimRules.Refusals(set, corim, bytes, Session.Now) is { Count: > 0 } reasons) throw new RefusedException(reasons);
        var own = set.Values.Keys.Except(values.Keys).Order(StringComparer.Ordinal).ToList();
        return
        [
            $"Checked here: that key signed the CoRIM, it is in its time, and it says so of {List(values.Keys.Order(StringComparer.Ordinal))}.",
            own.Count == 0 ? "It speaks of every claim." : $"The proposer's own word: {List(own)}.",
        ];
    }

    private static string List(IEnumerable<string> claims) => string.Join(", ", claims);
}
