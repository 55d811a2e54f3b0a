using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Strongroom.Bytes;

namespace Strongroom.Keys;

/// <summary>
/// A line typed at the terminal that the screen never shows. The echo is off from before the question until the line is complete; the framework's own
/// key reading turns it off for each key alone, so that whatever is typed or pasted between two reads stands on the screen.
/// </summary>
public static partial class HiddenLine
{
    // termios.h of Linux: four flag words of 32 bits, then what is not looked at here; 60 bytes on x86-64 and arm64.
    private const int Input = 0, LocalFlags = 3, Echo = 8, Drain = 1, Flush = 2;
    private const int TermiosWords = 64;

    /// <summary>What was typed, in UTF-8, straight from the terminal into a <see cref="Secret"/>; null when it is empty.</summary>
    /// <exception cref="IOException">Standard input is no terminal.</exception>
    public static Secret? Ask(string question, TextWriter screen)
    {
        ArgumentNullException.ThrowIfNull(screen);
        var shown = new uint[TermiosWords];
        if (tcgetattr(Input, shown) != 0) throw new IOException("standard input is no terminal");
        var hidden = shown.ToArray();
        hidden[LocalFlags] &= ~(uint)Echo;
        // A signal ends the process inside the read below: the shell must get its echo back all the same.
        using var interrupted = ShowAgainOn(PosixSignal.SIGINT, shown);
        using var quit = ShowAgainOn(PosixSignal.SIGQUIT, shown);
        using var ended = ShowAgainOn(PosixSignal.SIGTERM, shown);
        using var hungUp = ShowAgainOn(PosixSignal.SIGHUP, shown);
        if (tcsetattr(Input, Flush, hidden) != 0) throw new IOException("the terminal's echo cannot be turned off");
        try
        {
            screen.Write($"{question}: ");
            screen.Flush();
            using var terminal = new FileStream(new SafeFileHandle(Input, ownsHandle: false), FileAccess.Read, bufferSize: 0);
            return PassphraseFile.FirstLine(terminal);
        }
        finally
        {
            tcsetattr(Input, Drain, shown);
            screen.WriteLine();
        }
    }

    private static PosixSignalRegistration ShowAgainOn(PosixSignal signal, uint[] shown) => PosixSignalRegistration.Create(signal, _ => tcsetattr(Input, Drain, shown));

    [LibraryImport("libc")]
    private static partial int tcgetattr(int descriptor, [Out] uint[] termios);

    [LibraryImport("libc")]
    private static partial int tcsetattr(int descriptor, int when, uint[] termios);
}
