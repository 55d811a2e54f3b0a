using Strongroom.Cli.References;
using Strongroom.Facts;
using Strongroom.Policy;

namespace Strongroom.Cli;

/// <summary>Commands in words, with what only the policy's room can add: a digest is no way to read a policy.</summary>
internal static class InWords
{
    internal static IReadOnlyList<string> Say(Facts.Command command) =>
        command is ProposeChange { Change: SetPolicy set } ? [.. CommandWords.Say(command), .. Policy(ReleasePolicy.Parse(set.Policy.Utf8))] : CommandWords.Say(command);

    /// <summary>What a policy's writer and its approver should know of the people whom it would count, and of reference values what lies behind them and how they differ from those that they replace; nothing for other changes.</summary>
    internal static async Task<IReadOnlyList<string>> WarnAsync(Session session, TrustChange change, CancellationToken cancel)
    {
        if (change is SetReference reference)
            return [.. Lent(reference), .. reference.Corim is { } corim ? await CorimOnRecord.CheckAsync(session, reference, corim, cancel) : [], .. await SetBefore.CompareAsync(session, reference, cancel)];
        if (change is not SetPolicy set) return [];
        var people = await session.Broker.PersonsAsync(cancel);
        var warnings = ReleasePolicy.Parse(set.Policy.Utf8).WarningsAmong([.. people.Where(person => person.Active).Select(person => person.Groups)]);
        return [.. warnings.Select(warning => $"WARNING, by the people enrolled now: {warning}")];
    }

    /// <summary>What who proposes or approves reference values should know of whose key they let sign reports.</summary>
    internal static IReadOnlyList<string> Lent(SetReference set) => set.Kind == "sev-snp" && set.Values.TryGetValue("provider", out var provider)
        ? [$"WARNING: reports signed by {(provider == ExpectedValue.Any ? "any provider's" : $"the provider's ({provider})")} key (VLEK) match these values: no certificate names the chip, so whoever has that key can claim any. Leave provider out to want the chip's own."]
        : [];

    private static IEnumerable<string> Policy(ReleasePolicy policy) =>
        ["That policy says:", .. policy.Sentences.Select(sentence => "  " + sentence), .. policy.Warnings.Select(warning => $"  WARNING: {warning}")];
}
