using System.Globalization;
using Strongroom.Attestation;
using Strongroom.Bytes;

namespace Strongroom.Policy;

/// <summary>
/// What one claim of evidence has to be, as two people recorded it (spec/policy.md, "Expected values"): <c>*</c>, any; <c>>=N</c>, a number or a day and those
/// after it; <c>a|b</c>, one of several; else exactly itself.
/// </summary>
/// <remarks>It is signed as text, so everything that could be read in two ways is refused: a <c>*</c> or <c>|</c> inside a value, an alternative that is a minimum.</remarks>
public sealed class ExpectedValue
{
    /// <summary>Stands for any value.</summary>
    public const string Any = "*";

    private const string AtLeast = ">=";
    private const int MaxLength = 8192; // some dozens of alternatives of a SHA-512 each

    private readonly string text;
    private readonly IReadOnlyList<string> alternatives;

    private ExpectedValue(string text, params IReadOnlyList<string> alternatives) => (this.text, this.alternatives) = (text, alternatives);

    /// <summary>Whatever the claim is.</summary>
    public bool IsAny => text == Any;

    /// <summary>A number or a day, or one after it.</summary>
    public bool IsMinimum => text.StartsWith(AtLeast, StringComparison.Ordinal);

    /// <exception cref="MalformedException">None of the four forms.</exception>
    public static ExpectedValue Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MaxLength) throw new MalformedException(MaxLength, $"an expected value has {MaxLength} characters at most");
        if (text == Any) return new(text);
        if (text.StartsWith(AtLeast, StringComparison.Ordinal))
            return IsNumber(text.AsSpan(2)) || IsDay(text.AsSpan(2)) ? new(text) : throw new MalformedException(2, $"{AtLeast} stands before a whole number or a day such as 2026-01-31");
        var alternatives = text.Split('|');
        if (!alternatives.All(ClaimText.IsPlain)) throw new MalformedException(-1, "a value begins with a letter or digit and has visible ASCII characters, * and | apart");
        if (alternatives.Distinct(StringComparer.Ordinal).Count() != alternatives.Length) throw new MalformedException(-1, "an alternative stands there twice");
        return new(text, alternatives);
    }

    /// <summary>Whether the claim is as expected. A minimum compares numbers with numbers and days with days; anything else is not as expected.</summary>
    public bool Matches(string claim)
    {
        ArgumentNullException.ThrowIfNull(claim);
        if (IsAny) return true;
        if (!IsMinimum) return alternatives.Contains(claim, StringComparer.Ordinal);
        var least = text.AsSpan(2);
        return IsDay(least) ? IsDay(claim) && claim.AsSpan().SequenceCompareTo(least) >= 0 : IsNumber(claim) && Compare(claim, least) >= 0;
    }

    /// <summary>Whether it allows more than <paramref name="before"/> did, and not only something else: anything, a minimum or a lower one, more alternatives.</summary>
    public bool IsLooserThan(ExpectedValue before)
    {
        ArgumentNullException.ThrowIfNull(before);
        if (before.IsAny || IsAny) return !before.IsAny;
        if (IsMinimum) return !before.IsMinimum || !before.Matches(text[AtLeast.Length..]);
        return before.IsMinimum ? !alternatives.All(before.Matches) : alternatives.Count > before.alternatives.Count;
    }

    public override string ToString() => text;

    /// <summary>By length and then by digits: numbers without leading zeros need no width, and so none overflows.</summary>
    private static int Compare(ReadOnlySpan<char> a, ReadOnlySpan<char> b) => a.Length != b.Length ? a.Length.CompareTo(b.Length) : a.SequenceCompareTo(b);

    private static bool IsNumber(ReadOnlySpan<char> text) => text.Length is > 0 and <= 39 && !text.ContainsAnyExceptInRange('0', '9') && (text.Length == 1 || text[0] != '0');

    private static bool IsDay(ReadOnlySpan<char> text) => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _);
}
