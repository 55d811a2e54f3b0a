using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;

namespace Strongroom.Cli.Appraising;

/// <summary>A field that is not the same in two pieces of evidence; null where the one has no such field.</summary>
internal sealed record EvidenceChange(string Name, string? Before, string? After, string? NoticedBy)
{
    internal static IReadOnlyList<EvidenceChange> Between(IReadOnlyList<EvidenceField> before, IReadOnlyList<EvidenceField> after)
    {
        var (old, young) = (before.ToLookup(field => field.Name), after.ToLookup(field => field.Name));
        return
        [
            .. from name in before.Concat(after).Select(field => field.Name).Distinct()
               let was = old[name].FirstOrDefault()
               let becomes = young[name].FirstOrDefault()
               where was?.Value != becomes?.Value
               select new EvidenceChange(name, was?.Value, becomes?.Value, (was ?? becomes)!.Policy),
        ];
    }

    internal JsonObject ToJson() => new() { ["name"] = Name, ["before"] = Before, ["after"] = After, ["noticed_by"] = NoticedBy };
}

/// <summary>Evidence for people: a table of at most 100 columns.</summary>
internal static class EvidenceInWords
{
    private const int Width = 100;
    private const int Indent = 4;

    internal static void Write(string kind, IReadOnlyList<EvidenceField> fields, TextWriter text)
    {
        text.WriteLine($"{kind} evidence; nothing of it is verified here (strongroom evidence verify does that)");
        var name = Math.Min(28, fields.Max(field => field.Name.Length));
        foreach (var field in fields)
        {
            text.WriteLine();
            Wrap($"{field.Name.PadRight(name)}  ", field.Value, text);
            Wrap(new(' ', Indent), (field.Danger ? "DANGER: " : "") + field.Meaning, text);
        }
    }

    internal static void Write(IReadOnlyList<EvidenceChange> changes, TextWriter text)
    {
        if (changes.Count == 0) text.WriteLine("no field differs");
        foreach (var change in changes)
        {
            text.WriteLine(change.Name);
            Wrap("    before   ", change.Before ?? "absent", text);
            Wrap("    after    ", change.After ?? "absent", text);
            Wrap("    noticed  ", change.NoticedBy is { } by ? $"by {by}" : "by no check: only the signature covers it", text);
        }
    }

    /// <summary>Breaks at spaces where there are any, and hexadecimal values anywhere.</summary>
    private static void Wrap(string first, string words, TextWriter text)
    {
        var (lead, room) = (first, Width - first.Length);
        for (var rest = words; ;)
        {
            var cut = rest.Length <= room ? rest.Length : rest.LastIndexOf(' ', room) is > 0 and var space ? space : room;
            text.WriteLine((lead + rest[..cut]).TrimEnd());
            rest = rest[cut..].TrimStart();
            if (rest.Length == 0) return;
            lead = new(' ', first.Length);
        }
    }
}
