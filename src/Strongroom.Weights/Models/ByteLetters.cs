using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Weights.Models;

/// <summary>GPT-2's stand-ins: byte-level vocabularies spell each byte as one printable character.</summary>
internal static class ByteLetters
{
    private static readonly Dictionary<char, byte> Letters = Enumerate().ToDictionary(pair => pair.Letter, pair => pair.Value);

    /// <exception cref="MalformedException">A character that stands for no byte.</exception>
    public static byte[] Decode(string spelled)
    {
        var bytes = new byte[spelled.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            if (!Letters.TryGetValue(spelled[i], out bytes[i])) throw new MalformedException(-1, $"the token {spelled} is not spelled in byte letters");
        }
        return bytes;
    }

    private static IEnumerable<(byte Value, char Letter)> Enumerate()
    {
        var next = 256;
        for (var value = 0; value < 256; value++)
            yield return ((byte)value, value is >= 33 and <= 126 or >= 161 and <= 172 or >= 174 ? (char)value : (char)next++);
    }
}
