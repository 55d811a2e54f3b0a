using Strongroom.Policy;

namespace Strongroom.Cli.References;

/// <summary>A set of reference values as it is put together on a command line, from what a machine measured and from what a person says.</summary>
internal sealed class ReferenceDraft(string kind)
{
    private readonly Dictionary<string, string> values = new(StringComparer.Ordinal);

    internal string Kind => kind;

    internal IReadOnlyDictionary<string, string> Values => values;

    /// <summary>Values from elsewhere, each exactly as it is.</summary>
    internal void Take(string of, IEnumerable<KeyValuePair<string, string>> claims)
    {
        if (of != kind) throw new UsageException($"these are values of {of} evidence, not of {kind}");
        foreach (var (claim, value) in claims) values[claim] = value;
    }

    /// <param name="pairs">Each <c>claim=value</c>, in the place of what was taken.</param>
    internal void Set(IReadOnlyList<string> pairs)
    {
        var said = new HashSet<string>(StringComparer.Ordinal);
        foreach (var pair in pairs)
        {
            if (pair.Split('=', 2) is not [{ Length: > 0 } claim, { Length: > 0 } value]) throw new UsageException($"'{pair}' is not claim=value");
            if (!said.Add(claim)) throw new UsageException($"{claim} is given twice");
            values[claim] = value;
        }
    }

    internal void AtLeast(IReadOnlyList<string> claims)
    {
        foreach (var claim in claims) values[claim] = ">=" + Require(claim);
    }

    internal void Any(IReadOnlyList<string> claims)
    {
        foreach (var claim in claims)
        {
            Require(claim);
            values[claim] = ExpectedValue.Any;
        }
    }

    /// <summary>A claim that nothing speaks about was misspelled, and the one that was meant would stay as it is.</summary>
    private string Require(string claim) => values.TryGetValue(claim, out var value) ? value : throw new UsageException($"there is no value of {claim} to change");
}
