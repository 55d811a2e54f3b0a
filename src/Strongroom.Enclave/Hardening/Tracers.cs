using System.Globalization;
using System.Runtime.InteropServices;

namespace Strongroom.Enclave.Hardening;

/// <summary>Who traces whom, as /proc says.</summary>
internal static partial class Tracers
{
    internal static int CurrentThread => gettid();

    /// <summary>The tracer's thread id, 0 when nobody traces.</summary>
    /// <param name="directory">/proc/PID or /proc/PID/task/TID.</param>
    internal static int Of(string directory)
    {
        const string Field = "TracerPid:";
        foreach (var line in File.ReadLines(Path.Combine(directory, "status")))
            if (line.StartsWith(Field, StringComparison.Ordinal)) return int.Parse(line.AsSpan(Field.Length), CultureInfo.InvariantCulture);
        return 0;
    }

    /// <summary>True when every thread of <paramref name="process"/> is traced by a thread of <paramref name="tracer"/>.</summary>
    internal static bool AllHeld(int process, int tracer)
    {
        foreach (var directory in Directory.EnumerateDirectories($"/proc/{process}/task"))
        {
            try
            {
                var by = Of(directory);
                if (by == 0 || !Directory.Exists($"/proc/{tracer}/task/{by}")) return false;
            }
            catch (IOException)
            {
                // The thread ended between the listing and the look.
            }
        }
        return true;
    }

    [LibraryImport("libc")]
    private static partial int gettid();
}
