using System.Globalization;
using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Sealing;

/// <summary>
/// Names of files in a model: relative, slash-separated, with one spelling on every file system (spec/sealed-model.md, "Names").
/// </summary>
/// <remarks>
/// Two names that Unicode calls equivalent must not both exist. Instead of carrying normalisation tables, a name may hold only characters
/// of which no two sequences are equivalent: no combining marks, no compatibility characters. What is left is compared after case folding.
/// </remarks>
public static class FileName
{
    public const int MaxBytes = 1024;

    /// <summary>NAME_MAX less room for <c>.sealed.partial</c>.</summary>
    public const int MaxSegmentBytes = 240;

    private const string ForbiddenAscii = "\\:*?\"<>|";

    // Inside the ranges below, but with a compatibility decomposition or a case folding that meets another letter.
    private const string Ambiguous = "\u0130\u0131\u0132\u0133\u013F\u0140\u0149\u017F\u01C4\u01C5\u01C6\u01C7\u01C8\u01C9\u01CA\u01CB\u01CC\u01F1\u01F2\u01F3"
        + "\u0345\u0374\u037A\u0384\u0385\u0387\u03D0\u03D1\u03D2\u03D3\u03D4\u03D5\u03D6\u03F0\u03F1\u03F2\u03F4\u03F5\u03F9";

    /// <summary>Latin, Greek and Cyrillic; Hebrew and Arabic letters; kana; Chinese ideographs; Hangul syllables.</summary>
    private static readonly (char First, char Last)[] Ranges =
        [('\u00C0', '\u024F'), ('\u0370', '\u0481'), ('\u048A', '\u052F'), ('\u05D0', '\u05EA'), ('\u0620', '\u064A'), ('\u3041', '\u3096'), ('\u30A1', '\u30FC'), ('\u4E00', '\u9FFF'), ('\uAC00', '\uD7A3')];

    /// <exception cref="MalformedException">The name is absolute, leaves its directory, is too long, or could be spelled otherwise.</exception>
    public static void Require(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Any(c => !IsAllowed(c))) throw Malformed(name, "holds a character that has no single spelling everywhere");
        if (Encoding.UTF8.GetByteCount(name) > MaxBytes) throw Malformed(name, $"has more than {MaxBytes} bytes");
        foreach (var segment in name.Split('/'))
        {
            if (segment is "" or "." or "..") throw Malformed(name, "is absolute or leaves its directory");
            if (segment[0] == ' ' || segment[^1] is ' ' or '.') throw Malformed(name, "has a part that starts with a space or ends with a space or a dot");
            if (Encoding.UTF8.GetByteCount(segment) > MaxSegmentBytes) throw Malformed(name, $"has a part of more than {MaxSegmentBytes} bytes");
        }
    }

    /// <summary>All names of one model: valid, different after case folding, and none both a file and a directory.</summary>
    /// <exception cref="MalformedException">Otherwise.</exception>
    public static void RequireDistinct(IEnumerable<string> names)
    {
        var files = new HashSet<string>(StringComparer.Ordinal);
        var directories = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            Require(name);
            var folded = Fold(name);
            if (!files.Add(folded)) throw Malformed(name, "equals another name after case folding");
            for (var slash = folded.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = folded.IndexOf('/', slash + 1)) directories.Add(folded[..slash]);
        }
        var both = files.FirstOrDefault(file => directories.Contains(file) || directories.Contains(file + SealedLayout.Extension));
        if (both is not null) throw Malformed(both, "is a file and a directory at once");
    }

    /// <summary>Equal for names that a case-insensitive file system would take for one.</summary>
    internal static string Fold(string name) => name.Replace("ß", "ss", StringComparison.Ordinal).ToUpperInvariant().ToLowerInvariant();

    private static bool IsAllowed(char c) => c < '\u0080'
        ? c >= ' ' && c != '\u007F' && !ForbiddenAscii.Contains(c)
        : !Ambiguous.Contains(c) && Ranges.Any(range => c >= range.First && c <= range.Last) && CharUnicodeInfo.GetUnicodeCategory(c)
            is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.OtherLetter or UnicodeCategory.ModifierLetter;

    private static MalformedException Malformed(string name, string what) => new(-1, $"the file name '{Printable(name)}' {what}");

    private static string Printable(string name) => new([.. name.Take(80).Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c)]);
}
