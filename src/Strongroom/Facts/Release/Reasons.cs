namespace Strongroom.Facts;

/// <summary>A decision has to fit into an entry whatever it has to say, or saying no could be made impossible: twelve reasons of 800 characters at most.</summary>
internal static class Reasons
{
    private const int Most = 12;
    private const int Longest = 800;

    public static IReadOnlyList<string> Fitting(IReadOnlyList<string> reasons) =>
        reasons.Count <= Most
            ? [.. reasons.Select(Cut)]
            : [.. reasons.Take(Most - 1).Select(Cut), $"and {reasons.Count - Most + 1} more"];

    /// <summary>Never between the two halves of a character.</summary>
    private static string Cut(string reason) =>
        reason.Length <= Longest ? reason : string.Concat(reason.AsSpan(0, char.IsHighSurrogate(reason[Longest - 4]) ? Longest - 4 : Longest - 3), "...");
}
