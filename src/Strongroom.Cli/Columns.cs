namespace Strongroom.Cli;

/// <summary>A list for people: columns as wide as their widest word, two spaces between them, no frame.</summary>
internal static class Columns
{
    internal static void Write(TextWriter text, IReadOnlyList<string> head, IEnumerable<IReadOnlyList<string>> rows, string none)
    {
        List<IReadOnlyList<string>> lines = [head, .. rows];
        if (lines.Count == 1)
        {
            text.WriteLine(none);
            return;
        }
        var widths = head.Select((_, column) => lines.Max(line => line[column].Length)).ToList();
        foreach (var line in lines) text.WriteLine(string.Join("  ", line.Select((word, column) => word.PadRight(widths[column]))).TrimEnd());
    }
}
