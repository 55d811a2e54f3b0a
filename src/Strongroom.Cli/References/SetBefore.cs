using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Policy;
using Strongroom.Protocol;

namespace Strongroom.Cli.References;

/// <summary>How proposed reference values differ from the set that they replace: one changed digit of 96, or a claim that may now be anything, is not found by eye among some dozens.</summary>
internal static class SetBefore
{
    /// <summary>The set before is as two people signed it; that none came in between, or that there is none, is the broker's word.</summary>
    /// <exception cref="RefusedException">The broker shows a set that was never put in force.</exception>
    internal static async Task<IReadOnlyList<string>> CompareAsync(Session session, SetReference next, CancellationToken cancel)
    {
        var sets = await session.Broker.ReferencesAsync(cancel);
        var shown = sets.SingleOrDefault(set => set.Name == next.Name);
        return
        [
            .. shown is null ? [$"According to the broker no set named {next.Name} is on record: there is nothing to compare with."] : Differences(await ProvedAsync(session, shown, cancel), next, shown.Index),
            .. next.Corim is { } corim ? [Signer(corim, sets)] : (string[])[],
        ];
    }

    internal static IEnumerable<string> Differences(SetReference before, SetReference next, long index)
    {
        yield return $"What changes against version {before.Version} (ledger entry {index}; that it is the last is the broker's word):";
        if (before.Kind != next.Kind) yield return $"  the kind of evidence: {before.Kind} -> {next.Kind}";
        var claims = before.Values.Keys.Union(next.Values.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        foreach (var claim in claims)
        {
            var (was, becomes) = (before.Values.GetValueOrDefault(claim), next.Values.GetValueOrDefault(claim));
            if (was == becomes) continue;
            var looser = was is not null && becomes is not null && ExpectedValue.Parse(becomes).IsLooserThan(ExpectedValue.Parse(was));
            yield return $"  {(looser ? "LOOSER " : "")}{claim}:";
            yield return $"    before {was ?? "absent"}";
            yield return $"    now    {becomes ?? "absent"}";
        }
        yield return $"  {claims.Count(claim => before.Values.GetValueOrDefault(claim) == next.Values.GetValueOrDefault(claim))} values are the same";
        if (before.Corim is { } vouched && next.Corim is null) yield return "  LOOSER no CoRIM vouches for it any more: before, the key " + Digest.Of(vouched.Signer.Span) + " did";
    }

    private static string Signer(CorimSource corim, IReadOnlyList<ReferenceDetails> sets)
    {
        var known = sets.Where(set => set.Corim is { } other && other.Signer.Span.SequenceEqual(corim.Signer.Span)).Select(set => set.Name).ToList();
        return known.Count > 0
            ? $"According to the broker the CoRIM's signer vouches for {string.Join(", ", known)} on record too."
            : "A NEW SIGNER: according to the broker the key that signed the CoRIM vouches for no set on record. Approve only if you know whose it is.";
    }

    private static async Task<SetReference> ProvedAsync(Session session, ReferenceDetails shown, CancellationToken cancel) =>
        await session.RecordAsync(shown.Proposed, cancel) is CommandRecord { Command: ProposeChange { Change: SetReference set } proposed } && set.Name == shown.Name
            && await session.RecordAsync(shown.Index, cancel) is CommandRecord { Command: ApproveChange agreed } && agreed.Proposal == Ids.Proposal(proposed)
            ? set
            : throw new RefusedException($"the set {shown.Name} that the broker shows was never put in force in the ledger: sign nothing, and ask who runs the broker");
}
