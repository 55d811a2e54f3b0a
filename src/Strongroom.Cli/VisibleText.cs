using System.Text;

namespace Strongroom.Cli;

/// <summary>
/// Text as it is, and nothing that commands a terminal: much of it comes from others, and what could move the cursor, hide words or turn their order
/// could show a person something else than what is signed.
/// </summary>
internal sealed class VisibleText : TextWriter
{
    private readonly TextWriter to;

    private VisibleText(TextWriter to) => this.to = to;

    public override Encoding Encoding => to.Encoding;

    /// <param name="to">Stays its owner's, who disposes it.</param>
    internal static TextWriter Over(TextWriter to) => new VisibleText(to);

    public override void Write(char value) => to.Write(Commands(value) ? '?' : value);

    public override void Flush() => to.Flush();

    /// <summary>Control characters but the line end, and those of Unicode that turn the direction of writing (UAX #9).</summary>
    private static bool Commands(char c) => (char.IsControl(c) && c != '\n') || c is '\u061c' or '\u200e' or '\u200f' or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069');
}
