namespace Strongroom.Weights.Models;

/// <summary>
/// One text on its way through a model: its KV cache and activations, in memory that is handed in and wiped on dispose. Sessions of one model may be
/// used from several threads at once, one thread each; their steps take turns on the model's threads.
/// </summary>
public sealed unsafe class Session : IDisposable
{
    /// <summary>Tokens that are read at once; between such batches other sessions have their turn.</summary>
    internal const int Batch = 16;

    private readonly LlamaModel model;
    private readonly LlamaConfig config;
    private readonly Buffer<float> memory;
    private readonly float* keys;
    private readonly float* values;
    private readonly float* stream;
    private readonly float* normed;
    private readonly float* query;
    private readonly float* mixed;
    private readonly float* hidden;
    private readonly float* up;
    private readonly float* scores;
    private readonly float* logits;
    private readonly float* turns;
    private readonly MultiplyJob multiply = new();
    private readonly GateJob gate = new();
    private readonly AttentionJob attention;

    /// <param name="capacity">Tokens that fit, prompt and answer together.</param>
    /// <exception cref="OutOfMemoryException">The memory handed in has no room for the KV cache.</exception>
    public Session(LlamaModel model, WorkingMemory memory, int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, model.Config.Context);
        (this.model, config, Capacity) = (model, model.Config, capacity);
        var cache = RoundUp((long)config.Layers * capacity * SharedSize);
        long[] sizes =
        [
            cache, cache, Batch * config.Dimension, Batch * config.Dimension, Batch * QuerySize, Batch * QuerySize, Batch * config.Hidden,
            Batch * config.Hidden, (long)model.Workers.Count * capacity, config.Vocabulary, Batch * config.HeadDimension,
        ];
        this.memory = new Buffer<float>(memory, sizes.Sum(RoundUp));
        var starts = new long[sizes.Length];
        for (var i = 1; i < sizes.Length; i++) starts[i] = starts[i - 1] + RoundUp(sizes[i - 1]);
        var first = this.memory.Pointer;
        keys = first;
        values = first + starts[1];
        stream = first + starts[2];
        normed = first + starts[3];
        query = first + starts[4];
        mixed = first + starts[5];
        hidden = first + starts[6];
        up = first + starts[7];
        scores = first + starts[8];
        logits = first + starts[9];
        turns = first + starts[10];
        attention = new AttentionJob(config, capacity, query, mixed, scores);
    }

    /// <summary>Tokens read so far.</summary>
    public int Position { get; private set; }

    public int Capacity { get; }

    /// <summary>What the model thinks of each token as the next one, after the last <see cref="Read"/>.</summary>
    public ReadOnlySpan<float> Logits => new(memory.Pointer is null ? null : logits, config.Vocabulary);

    internal Span<float> MutableLogits => new(memory.Pointer is null ? null : logits, config.Vocabulary);

    private int QuerySize => config.Heads * config.HeadDimension;

    private int SharedSize => config.KeyValueHeads * config.HeadDimension;

    /// <summary>Reads the tokens that follow; afterwards <see cref="Logits"/> tells what comes next.</summary>
    /// <exception cref="ArgumentException">No token, one outside the vocabulary, or more than there is room for.</exception>
    public void Read(ReadOnlySpan<int> tokens, CancellationToken cancellation = default)
    {
        if (tokens.IsEmpty) throw new ArgumentException("no tokens", nameof(tokens));
        if (tokens.Length > Capacity - Position)
            throw new ArgumentException($"{tokens.Length} tokens do not fit, there is room for {Capacity - Position}", nameof(tokens));
        foreach (var token in tokens)
            if (token < 0 || token >= config.Vocabulary) throw new ArgumentException($"{token} is outside the vocabulary", nameof(tokens));
        _ = memory.Pointer;
        while (!tokens.IsEmpty)
        {
            cancellation.ThrowIfCancellationRequested();
            var count = Math.Min(Batch, tokens.Length);
            lock (model.Workers) Step(tokens[..count], last: count == tokens.Length);
            Position += count;
            tokens = tokens[count..];
        }
    }

    /// <summary>Forgets everything after the first <paramref name="position"/> tokens.</summary>
    public void Rewind(int position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position, Position);
        Position = position;
    }

    public void Dispose() => memory.Dispose();

    private static long RoundUp(long count) => (count + 15) & ~15L;

    private void Step(ReadOnlySpan<int> tokens, bool last)
    {
        var (weights, count) = (model.Weights, tokens.Length);
        for (var i = 0; i < count; i++)
        {
            Kernels.Widen(weights.Embedding, tokens[i], stream + (i * config.Dimension));
            Turns(Position + i, turns + (i * config.HeadDimension));
        }
        for (var layer = 0; layer < config.Layers; layer++)
        {
            Attend(weights.Layers[layer], layer, count);
            FeedForward(weights.Layers[layer], count);
        }
        if (!last) return;
        Activations.Normalise(weights.Norm, stream + ((count - 1) * config.Dimension), normed, config.Epsilon);
        Multiply(1, add: false, new Product(weights.Head, normed, logits));
    }

    private void Attend(LayerWeights layer, int index, int count)
    {
        NormaliseAll(layer.AttentionNorm, count);
        var start = (long)index * Capacity * SharedSize;
        float* key = keys + start + ((long)Position * SharedSize), value = values + start + ((long)Position * SharedSize);
        Multiply(count, add: false, new(layer.Query, normed, query), new(layer.Key, normed, key), new(layer.Value, normed, value));
        for (var i = 0; i < count; i++)
        {
            Activations.AddBias(layer.QueryBias, query + (i * QuerySize));
            Activations.AddBias(layer.KeyBias, key + (i * SharedSize));
            Activations.AddBias(layer.ValueBias, value + (i * SharedSize));
            Activations.Turn(query + (i * QuerySize), config.Heads, config.HeadDimension, turns + (i * config.HeadDimension), config.RopePairing);
            Activations.Turn(key + (i * SharedSize), config.KeyValueHeads, config.HeadDimension, turns + (i * config.HeadDimension), config.RopePairing);
        }
        attention.Set(keys + start, values + start, Position);
        model.Workers.Run(attention, count * config.Heads);
        Multiply(count, add: true, new Product(layer.Output, mixed, stream));
    }

    private void FeedForward(LayerWeights layer, int count)
    {
        NormaliseAll(layer.FeedForwardNorm, count);
        model.Workers.Run(gate, gate.Set(new(layer.Gate, normed, hidden), new(layer.Up, normed, up), count, model.Workers.Count));
        Multiply(count, add: true, new Product(layer.Down, hidden, stream));
    }

    private void NormaliseAll(in Matrix weight, int count)
    {
        for (var i = 0; i < count; i++) Activations.Normalise(weight, stream + (i * config.Dimension), normed + (i * config.Dimension), config.Epsilon);
    }

    private void Multiply(int tokens, bool add, params ReadOnlySpan<Product> products)
    {
        model.Workers.Run(multiply, multiply.Set(products, tokens, add, model.Workers.Count));
    }

    /// <summary>Cosine and sine of each pair's angle at a position, side by side.</summary>
    private void Turns(int position, float* to)
    {
        for (var pair = 0; pair < config.HeadDimension / 2; pair++)
        {
            var (sin, cos) = Math.SinCos(position * model.Frequencies[pair]);
            (to[2 * pair], to[(2 * pair) + 1]) = ((float)cos, (float)sin);
        }
    }
}
