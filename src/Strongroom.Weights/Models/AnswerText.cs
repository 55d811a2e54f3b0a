using System.Text;

namespace Strongroom.Weights.Models;

/// <summary>
/// Turns token pieces into text that may be sent on: whole characters only, and nothing that could still become a stop string. Bytes that can never
/// become a character come out as U+FFFD.
/// </summary>
internal sealed class AnswerText : IDisposable
{
    private static readonly byte[] Replacement = [0xef, 0xbf, 0xbd];

    private readonly IReadOnlyList<byte[]> stops;
    private readonly Buffer<byte> memory;
    private readonly Buffer<byte> ready;
    private int held;
    private bool skipSpace;

    /// <param name="maxPiece">Bytes of the longest piece that will be added.</param>
    /// <param name="skipSpace">Leave out a space at the very beginning.</param>
    public AnswerText(WorkingMemory memory, IReadOnlyList<byte[]> stops, int maxPiece, bool skipSpace)
    {
        (this.stops, this.skipSpace) = (stops, skipSpace);
        var room = maxPiece + stops.Select(stop => stop.Length).DefaultIfEmpty().Max() + 4;
        this.memory = new(memory, room);
        ready = new(memory, 3L * room); // a lone byte may become three
    }

    /// <summary>A stop string has come: the answer is over.</summary>
    public bool Stopped { get; private set; }

    /// <summary>Adds a piece and returns what may be sent now; valid until the next call.</summary>
    /// <param name="last">No more pieces will come.</param>
    public ReadOnlySpan<byte> Add(ReadOnlySpan<byte> piece, bool last = false)
    {
        if (skipSpace && !piece.IsEmpty)
        {
            skipSpace = false;
            if (piece[0] == ' ') piece = piece[1..];
        }
        piece.CopyTo(memory.Span[held..]);
        held += piece.Length;
        var text = memory.Span[..held];
        foreach (var stop in stops)
        {
            var at = memory.Span[..held].IndexOf(stop);
            if (at < 0 || at > text.Length) continue;
            text = text[..at];
            Stopped = true;
        }
        last |= Stopped;
        return Send(text.Length - (last ? 0 : Undecided(text)), last);
    }

    /// <summary>No more pieces will come: returns what was held back.</summary>
    public ReadOnlySpan<byte> End() => Send(held, last: true);

    public void Dispose()
    {
        memory.Dispose();
        ready.Dispose();
    }

    /// <summary>Bytes at the end that could grow into a stop string.</summary>
    private int Undecided(ReadOnlySpan<byte> text)
    {
        var longest = 0;
        foreach (var stop in stops)
        {
            for (var length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
            {
                if (text.EndsWith(stop.AsSpan(0, length))) longest = length;
            }
        }
        return longest;
    }

    private ReadOnlySpan<byte> Send(int count, bool last)
    {
        var (from, written) = (0, 0);
        while (from < count)
        {
            var status = Rune.DecodeFromUtf8(memory.Span[from..count], out _, out var width);
            if (status == System.Buffers.OperationStatus.NeedMoreData && !last) break;
            var character = status == System.Buffers.OperationStatus.Done ? memory.Span.Slice(from, width) : Replacement;
            character.CopyTo(ready.Span[written..]);
            written += character.Length;
            from += width;
        }
        memory.Span[from..held].CopyTo(memory.Span);
        held = last ? 0 : held - from;
        return ready.Span[..written];
    }
}
