using System.Globalization;

namespace Strongroom.Attestation.Appraisal;

/// <summary>What is not the same in two pieces of evidence of one kind.</summary>
/// <param name="Name">Of a field; of the second and later fields of one name with their number.</param>
/// <param name="Before">Null where only the second has it.</param>
/// <param name="After">Null where only the first has it.</param>
/// <param name="NoticedBy">See <see cref="EvidenceField"/>.</param>
/// <param name="Covered">See <see cref="EvidenceField"/>; null where nobody can say, because no field shows the bytes.</param>
public sealed record EvidenceChange(string Name, string? Before, string? After, string? NoticedBy, bool? Covered)
{
    /// <summary>Empty only for bytes that are the same.</summary>
    /// <exception cref="Bytes.MalformedException">One of them is no evidence of this kind.</exception>
    public static IReadOnlyList<EvidenceChange> Between(Appraiser appraiser, ReadOnlyMemory<byte> before, ReadOnlyMemory<byte> after)
    {
        ArgumentNullException.ThrowIfNull(appraiser);
        var (first, second) = (appraiser.Show(before), appraiser.Show(after));
        var (old, young) = (first.ToLookup(field => field.Name), second.ToLookup(field => field.Name));
        List<EvidenceChange> changes =
        [
            .. from name in first.Concat(second).Select(field => field.Name).Distinct()
               from pair in Pairs([.. old[name]], [.. young[name]])
               where pair.Was?.Value != pair.Becomes?.Value
               let field = pair.Was ?? pair.Becomes!
               select new EvidenceChange(pair.Place == 0 ? name : $"{name} ({pair.Place + 1})", pair.Was?.Value, pair.Becomes?.Value, field.Policy, field.Covered),
        ];
        if (changes.Count == 0 && !before.Span.SequenceEqual(after.Span)) changes.Add(WithoutField(before.Span, after.Span));
        return changes;
    }

    private static IEnumerable<(int Place, EvidenceField? Was, EvidenceField? Becomes)> Pairs(EvidenceField[] old, EvidenceField[] young) =>
        Enumerable.Range(0, Math.Max(old.Length, young.Length)).Select(i => (i, old.ElementAtOrDefault(i), young.ElementAtOrDefault(i)));

    /// <summary>Another spelling of the same, padding, or what a document says that nobody reads: silence would mean that they are equal.</summary>
    private static EvidenceChange WithoutField(ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        var at = before.CommonPrefixLength(after);
        return new(string.Create(CultureInfo.InvariantCulture, $"bytes from offset {at} on, which no field shows"), Byte(before, at), Byte(after, at), null, null);
    }

    private static string Byte(ReadOnlySpan<byte> bytes, int at) =>
        at < bytes.Length ? string.Create(CultureInfo.InvariantCulture, $"0x{bytes[at]:x2} and {bytes.Length - at - 1} bytes after it") : string.Create(CultureInfo.InvariantCulture, $"ends after {bytes.Length} bytes");
}
