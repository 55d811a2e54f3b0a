using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Weights.Models;

/// <summary>Byte-pair encoding: which neighbours join, and which first.</summary>
internal abstract unsafe class MergeRule
{
    /// <summary>Pieces start as single bytes (byte-level) or as characters (SentencePiece).</summary>
    public required bool ByteLevel { get; init; }

    /// <summary>A word that is a token is that token, whatever the merges say.</summary>
    public bool WholeWordsFirst { get; init; }

    /// <summary>Neighbouring unknown characters become one unknown token.</summary>
    public bool FusesUnknown { get; init; }

    /// <returns>Number of tokens written.</returns>
    public int Encode(Vocabulary vocabulary, ReadOnlySpan<byte> word, Span<int> tokens, MergeWork work, CancellationToken cancellation)
    {
        if (WholeWordsFirst && vocabulary.Find(word) is >= 0 and var whole)
        {
            tokens[0] = whole;
            return 1;
        }
        var symbols = work.Start(word, ByteLevel, vocabulary);
        for (var i = 1; i < symbols; i++) Offer(vocabulary, word, work, i - 1, i);
        while (work.TryTake(out var join))
        {
            cancellation.ThrowIfCancellationRequested(); // a word can be the whole text
            work.Join(join);
            if (work.Symbols[join.Left].Previous is >= 0 and var previous) Offer(vocabulary, word, work, previous, join.Left);
            if (work.Symbols[join.Left].Next is >= 0 and var next) Offer(vocabulary, word, work, join.Left, next);
        }
        return Write(vocabulary, word, tokens, work);
    }

    /// <returns>The token that the two become, and its rank: lower joins first. -1 where they never join.</returns>
    protected abstract (int Token, float Rank) Join(Vocabulary vocabulary, in MergeWork.Symbol left, in MergeWork.Symbol right, ReadOnlySpan<byte> both);

    private void Offer(Vocabulary vocabulary, ReadOnlySpan<byte> word, MergeWork work, int left, int right)
    {
        ref var a = ref work.Symbols[left];
        ref var b = ref work.Symbols[right];
        var (token, rank) = Join(vocabulary, a, b, word.Slice(a.Start, a.Length + b.Length));
        if (token >= 0) work.Add(new(rank, left, right, a.Length + b.Length, token));
    }

    private int Write(Vocabulary vocabulary, ReadOnlySpan<byte> word, Span<int> tokens, MergeWork work)
    {
        var count = 0;
        var afterUnknown = false;
        for (var i = 0; i >= 0; i = work.Symbols[i].Next)
        {
            ref var symbol = ref work.Symbols[i];
            var unknown = symbol.Token < 0 && !vocabulary.HasAllBytes;
            if (symbol.Token >= 0)
            {
                tokens[count++] = symbol.Token;
            }
            else if (!unknown)
            {
                foreach (var b in word.Slice(symbol.Start, symbol.Length)) tokens[count++] = vocabulary.OfByte(b);
            }
            else if (vocabulary.Unknown is { } token && !(FusesUnknown && afterUnknown))
            {
                tokens[count++] = token;
            }
            afterUnknown = unknown;
        }
        return count;
    }

    /// <summary>An ordered list of pairs, as tokenizer.json and GGUF's gpt2 tokenizers have.</summary>
    internal sealed class Pairs(Dictionary<(int Left, int Right), (int Token, int Rank)> pairs) : MergeRule
    {
        /// <param name="merges">Two names each, the first joins first.</param>
        /// <exception cref="MalformedException">A merge that is not of two tokens into a third, or comes twice.</exception>
        public static Pairs From(
            IEnumerable<string[]> merges, IReadOnlyDictionary<string, int> names, bool byteLevel, bool wholeWordsFirst, bool fusesUnknown = false)
        {
            var pairs = new Dictionary<(int, int), (int, int)>();
            foreach (var merge in merges)
            {
                if (merge is not [var a, var b] || !names.TryGetValue(a, out var left) || !names.TryGetValue(b, out var right)
                    || !names.TryGetValue(a + b, out var joined) || !pairs.TryAdd((left, right), (joined, pairs.Count)))
                    throw new MalformedException(-1, $"the merge {string.Join(' ', merge)} does not join two tokens into a third, or comes twice");
            }
            return new(pairs) { ByteLevel = byteLevel, WholeWordsFirst = wholeWordsFirst, FusesUnknown = fusesUnknown };
        }

        protected override (int Token, float Rank) Join(Vocabulary vocabulary, in MergeWork.Symbol left, in MergeWork.Symbol right, ReadOnlySpan<byte> both) =>
            pairs.TryGetValue((left.Token, right.Token), out var joined) ? (joined.Token, joined.Rank) : (-1, 0);
    }

    /// <summary>A score for each token: the neighbours join whose joint text is the token with the highest score.</summary>
    internal sealed class Scores(IReadOnlyList<float> scores) : MergeRule
    {
        protected override (int Token, float Rank) Join(Vocabulary vocabulary, in MergeWork.Symbol left, in MergeWork.Symbol right, ReadOnlySpan<byte> both) =>
            vocabulary.Find(both) is >= 0 and var token ? (token, -scores[token]) : (-1, 0);
    }
}

/// <summary>Room for the merges of one word, in memory that is handed in: pieces as a linked list, possible joins as a heap.</summary>
internal sealed unsafe class MergeWork(WorkingMemory memory, int maxBytes) : IDisposable
{
    private readonly Buffer<Symbol> symbols = new(memory, maxBytes);
    private readonly Buffer<Candidate> heap = new(memory, 3L * maxBytes);
    private int waiting;

    public Symbol* Symbols => symbols.Pointer;

    /// <returns>Number of pieces.</returns>
    public int Start(ReadOnlySpan<byte> word, bool byteLevel, Vocabulary vocabulary)
    {
        waiting = 0;
        var count = 0;
        for (var at = 0; at < word.Length; count++)
        {
            var length = 1;
            if (!byteLevel) Rune.DecodeFromUtf8(word[at..], out _, out length);
            Symbols[count] = new(at, length, count - 1, count + 1, vocabulary.Find(word.Slice(at, length)));
            at += length;
        }
        Symbols[count - 1].Next = -1;
        return count;
    }

    public void Add(Candidate candidate)
    {
        var at = waiting++;
        for (; at > 0 && candidate.Before(heap.Pointer[(at - 1) / 2]); at = (at - 1) / 2) heap.Pointer[at] = heap.Pointer[(at - 1) / 2];
        heap.Pointer[at] = candidate;
    }

    /// <summary>The next join whose two pieces are still as they were when it was offered.</summary>
    public bool TryTake(out Candidate next)
    {
        while (waiting > 0)
        {
            next = heap.Pointer[0];
            RemoveFirst();
            ref var left = ref Symbols[next.Left];
            if (left.Length > 0 && left.Next == next.Right && left.Length + Symbols[next.Right].Length == next.Length) return true;
        }
        next = default;
        return false;
    }

    public void Join(in Candidate join)
    {
        ref var left = ref Symbols[join.Left];
        ref var right = ref Symbols[join.Right];
        (left.Length, left.Token, left.Next) = (join.Length, join.Token, right.Next);
        if (right.Next >= 0) Symbols[right.Next].Previous = join.Left;
        right.Length = 0;
    }

    public void Dispose()
    {
        symbols.Dispose();
        heap.Dispose();
    }

    private void RemoveFirst()
    {
        var last = heap.Pointer[--waiting];
        var at = 0;
        for (var child = 1; child < waiting; child = (2 * at) + 1)
        {
            if (child + 1 < waiting && heap.Pointer[child + 1].Before(heap.Pointer[child])) child++;
            if (!heap.Pointer[child].Before(last)) break;
            heap.Pointer[at] = heap.Pointer[child];
            at = child;
        }
        heap.Pointer[at] = last;
    }

    internal struct Symbol(int start, int length, int previous, int next, int token)
    {
        public int Start = start;
        public int Length = length;
        public int Previous = previous;
        public int Next = next;
        public int Token = token;
    }

    internal readonly record struct Candidate(float Rank, int Left, int Right, int Length, int Token)
    {
        public bool Before(in Candidate other) => Rank < other.Rank || (Rank == other.Rank && Left < other.Left);
    }
}
