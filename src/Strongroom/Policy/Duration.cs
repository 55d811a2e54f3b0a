using System.Globalization;

namespace Strongroom.Policy;

/// <summary>Lengths of time as people write and read them: <c>90 seconds</c>, <c>15 minutes</c>, <c>8 hours</c>, <c>1 day</c>.</summary>
public static class Duration
{
    public const long Minute = 60;
    public const long Hour = 60 * Minute;
    public const long Day = 24 * Hour;

    private const long Longest = 366 * Day;

    /// <summary>Exactly, in the largest unit that divides it.</summary>
    public static string Words(long seconds) => seconds switch
    {
        _ when seconds % Day == 0 => Count(seconds / Day, "day"),
        _ when seconds % Hour == 0 => Count(seconds / Hour, "hour"),
        _ when seconds % Minute == 0 => Count(seconds / Minute, "minute"),
        _ => Count(seconds, "second"),
    };

    /// <summary>Seconds; null for anything but a whole number from 1, one space and a unit, or for more than 366 days.</summary>
    public static long? Parse(string text)
    {
        if (text.Split(' ') is not [var digits, var word] || Number(digits) is not { } count || count > Longest) return null;
        var unit = word switch
        {
            "second" or "seconds" => 1,
            "minute" or "minutes" => Minute,
            "hour" or "hours" => Hour,
            "day" or "days" => Day,
            _ => Longest + 1,
        };
        return count * unit is var seconds && seconds <= Longest ? seconds : null;
    }

    /// <summary>Null for zero, a sign, a leading zero (octal to some readers), an underscore, a fraction: anything but digits.</summary>
    public static long? Number(string text) =>
        text.Length > 0 && text[0] != '0' && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;

    private static string Count(long count, string unit) => count == 1 ? $"1 {unit}" : $"{count} {unit}s";
}
