namespace Strongroom.Attestation;

/// <summary>A claim that is not the same in two measurements; null where the one has no such claim.</summary>
public sealed record ClaimChange(string Claim, string? Before, string? After)
{
    /// <summary>Every difference, by claim; where the kinds of evidence differ that comes first, as <c>kind</c>, and nothing of the one is the same thing as in the other.</summary>
    public static IReadOnlyList<ClaimChange> Between(Measurement before, Measurement after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        var claims = before.Claims.Keys.Union(after.Claims.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .Select(claim => new ClaimChange(claim, before.Claims.GetValueOrDefault(claim), after.Claims.GetValueOrDefault(claim)));
        return before.Kind == after.Kind ? [.. claims.Where(change => change.Before != change.After)] : [new("kind", before.Kind, after.Kind), .. claims];
    }
}
