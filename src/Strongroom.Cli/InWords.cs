using Strongroom.Facts;
using Strongroom.Policy;

namespace Strongroom.Cli;

/// <summary>Commands in words, with what only the policy's room can add: a digest is no way to read a policy.</summary>
internal static class InWords
{
    internal static IReadOnlyList<string> Say(Facts.Command command) =>
        command is ProposeChange { Change: SetPolicy set } ? [.. CommandWords.Say(command), .. Policy(ReleasePolicy.Parse(set.Policy.Utf8))] : CommandWords.Say(command);

    private static IEnumerable<string> Policy(ReleasePolicy policy) =>
        ["That policy says:", .. policy.Sentences.Select(sentence => "  " + sentence), .. policy.Warnings.Select(warning => $"  WARNING: {warning}")];
}
