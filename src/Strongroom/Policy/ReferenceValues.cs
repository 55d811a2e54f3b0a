using Strongroom.Attestation;
using Strongroom.Bytes;

namespace Strongroom.Policy;

/// <summary>
/// What two people recorded as good, under a name that policies use. Every claim of the evidence must be here and as expected; a claim that may
/// have any value is here as <c>*</c>, so that nothing is left uncompared by being forgotten.
/// </summary>
/// <param name="Values">Claim to <see cref="ExpectedValue"/>.</param>
/// <param name="Version">Of the name: a later set of the same name has a higher one, for ever.</param>
public sealed record ReferenceValues(string Name, string Kind, IReadOnlyDictionary<string, string> Values, long Version = 1)
{
    private const int LongestShown = 40; // a minimum or a version helps who reads the reason; a hash does not

    /// <summary>Why evidence of this measurement is not what was recorded; null when every claim is compared and as expected. A claim that only one side has is a difference: nothing passes by being absent.</summary>
    public string? DifferenceFrom(Measurement measured)
    {
        ArgumentNullException.ThrowIfNull(measured);
        if (Kind != measured.Kind) return $"for {Kind} evidence";
        if (Values.Values.All(value => value == ExpectedValue.Any)) return "compares nothing";
        var claims = measured.Claims.Keys.Union(Values.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal);
        var differing = string.Join(", ", claims.Select(claim => Difference(claim, measured.Claims.GetValueOrDefault(claim), Values.GetValueOrDefault(claim))).Where(each => each is not null));
        return differing.Length == 0 ? null : $"differs in {differing}";
    }

    private static string? Difference(string claim, string? found, string? expected)
    {
        if (found is null || expected is null) return claim;
        try
        {
            if (ExpectedValue.Parse(expected).Matches(found)) return null;
        }
        catch (MalformedException)
        {
            // what nobody can read expects nothing that evidence could be
        }
        return found.Length <= LongestShown && expected.Length <= LongestShown ? $"{claim} ({found}, expected {expected})" : claim;
    }
}
