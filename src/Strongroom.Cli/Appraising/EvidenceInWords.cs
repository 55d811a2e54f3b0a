using Strongroom.Attestation.Appraisal;

namespace Strongroom.Cli.Appraising;

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
        if (changes.Count == 0) text.WriteLine("the same, byte for byte");
        foreach (var change in changes)
        {
            text.WriteLine(change.Name);
            Wrap("    before   ", change.Before ?? "absent", text);
            Wrap("    after    ", change.After ?? "absent", text);
            Wrap("    noticed  ", Noticed(change), text);
        }
    }

    private static string Noticed(EvidenceChange change) => change switch
    {
        { NoticedBy: { } by } => $"by {by}",
        { Covered: true } => "by no check: only the signature covers it",
        { Covered: false } => "by no check, and no signature covers it",
        _ => "perhaps by nothing: no field shows these bytes; verify both",
    };

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
