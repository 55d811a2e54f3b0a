namespace Strongroom.Weights.Models;

/// <summary>Matrix products that do not depend on each other.</summary>
internal sealed unsafe class MultiplyJob : Workers.Job
{
    private readonly Product[] products = new Product[3];
    private int count;
    private int tokens;
    private int workers;
    private bool add;

    /// <returns>Number of chunks.</returns>
    public int Set(ReadOnlySpan<Product> products, int tokens, bool add, int workers)
    {
        products.CopyTo(this.products);
        (count, this.tokens, this.add, this.workers) = (products.Length, tokens, add, workers);
        var chunks = 0;
        foreach (var product in products) chunks += Product.Chunks(product.Weights.Rows, Product.RowsOfChunk(product.Weights.Rows, workers));
        return chunks;
    }

    public override void Do(int chunk, int worker)
    {
        for (var i = 0; i < count; i++)
        {
            ref readonly var product = ref products[i];
            var rows = product.Weights.Rows;
            var size = Product.RowsOfChunk(rows, workers);
            var chunks = Product.Chunks(rows, size);
            if (chunk < chunks)
            {
                Kernels.Multiply(product, chunk * size, Math.Min(rows, (chunk + 1) * size), tokens, add);
                return;
            }
            chunk -= chunks;
        }
    }
}

/// <summary>SwiGLU: output = silu(gate . input) * (up . input).</summary>
internal sealed unsafe class GateJob : Workers.Job
{
    private Product gate;
    private Product up;
    private int tokens;
    private int size;

    /// <param name="gate">Its output becomes the job's.</param>
    /// <param name="up">As many rows; its output is scratch.</param>
    /// <returns>Number of chunks.</returns>
    public int Set(in Product gate, in Product up, int tokens, int workers)
    {
        (this.gate, this.up, this.tokens, size) = (gate, up, tokens, Product.RowsOfChunk(gate.Weights.Rows, workers));
        return Product.Chunks(gate.Weights.Rows, size);
    }

    public override void Do(int chunk, int worker)
    {
        var rows = gate.Weights.Rows;
        var (from, to) = (chunk * size, Math.Min(rows, (chunk + 1) * size));
        Kernels.Multiply(gate, from, to, tokens, add: false);
        Kernels.Multiply(up, from, to, tokens, add: false);
        for (var token = 0; token < tokens; token++) Activations.Gate(gate.Output + (token * rows) + from, up.Output + (token * rows) + from, to - from);
    }
}

/// <summary>One chunk is one head of one token: softmax(query . keys / sqrt(size)) . values, over all positions up to the token's own.</summary>
internal sealed unsafe class AttentionJob(LlamaConfig config, int capacity, float* query, float* mixed, float* scores) : Workers.Job
{
    private readonly float scale = 1 / MathF.Sqrt(config.HeadDimension);
    private readonly float* query = query;
    private readonly float* mixed = mixed;
    private readonly float* scores = scores;
    private float* keys;
    private float* values;
    private int position;

    public void Set(float* keys, float* values, int position)
    {
        this.keys = keys;
        this.values = values;
        this.position = position;
    }

    public override void Do(int chunk, int worker)
    {
        unchecked
        {
            var (size, shared) = (config.HeadDimension, config.KeyValueHeads * config.HeadDimension);
            var (token, head) = (chunk / config.Heads, chunk % config.Heads);
            nint place = head / (config.Heads / config.KeyValueHeads) * size;
            var seen = position + token + 1;
            float* weights = scores + ((nint)worker * capacity), output = mixed + ((nint)chunk * size);

            for (var i = 0; i < seen; i++) weights[i] = scale * Kernels.Dot(query + ((nint)chunk * size), keys + ((nint)i * shared) + place, size);
            Activations.Softmax(weights, seen);
            new Span<float>(output, size).Clear();
            for (var i = 0; i < seen; i++) Kernels.AddScaled(output, values + ((nint)i * shared) + place, weights[i], size);
        }
    }
}
