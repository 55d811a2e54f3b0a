using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Policy;

namespace Strongroom.Cli.References;

/// <summary>A set of reference values as it is put together on a command line, from what a machine measured and from what a person says.</summary>
internal sealed class ReferenceDraft(string kind)
{
    private readonly Dictionary<string, string> values = new(StringComparer.Ordinal);

    private readonly HashSet<string> own = new(StringComparer.Ordinal);

    internal string Kind => kind;

    /// <summary>Where values are from that nobody here said; null where there are none.</summary>
    internal CorimSource? Corim { get; private set; }

    internal IReadOnlyDictionary<string, string> Values => values;

    /// <summary>Values from elsewhere, each exactly as it is: a person alone says that a claim may be more than one thing.</summary>
    internal void Take(string of, IEnumerable<KeyValuePair<string, string>> claims)
    {
        if (of != kind) throw new UsageException($"these are values of {of} evidence, not of {kind}");
        foreach (var (claim, value) in claims) values[claim] = ClaimText.IsPlain(value) ? value : throw new RefusedException($"{claim} was measured as '{value}', which could be read as more than one value");
    }

    /// <summary>What a CoRIM says, in the place of what a machine measured; a person who says otherwise than it does not take its word.</summary>
    internal void Take(ReadOnlyMemory<byte> corim, ReadOnlyMemory<byte> signer, DateTimeOffset now)
    {
        var (source, said) = CorimRules.Read(corim, signer, kind, values.GetValueOrDefault("product"), now);
        foreach (var (claim, value) in said)
        {
            if (own.Contains(claim) && values[claim] != value) throw new UsageException($"the CoRIM says {value} of {claim}: leave {claim} out, or the CoRIM");
            values[claim] = value;
        }
        Corim = source;
    }

    /// <param name="pairs">Each <c>claim=value</c>, in the place of what was taken.</param>
    internal void Set(IReadOnlyList<string> pairs)
    {
        foreach (var pair in pairs)
        {
            if (pair.Split('=', 2) is not [{ Length: > 0 } claim, { Length: > 0 } value]) throw new UsageException($"'{pair}' is not claim=value");
            if (!own.Add(claim)) throw new UsageException($"{claim} is given twice");
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
