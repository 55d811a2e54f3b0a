namespace Strongroom.Tests.Weights;

/// <summary>The decoder's definition, in doubles, one line per formula and no thought of speed: what the engine is compared with.</summary>
internal sealed class NaiveLlama(TinyModel model, Func<int, double> frequency)
{
    private readonly List<double[]>[] keys = [.. Enumerable.Range(0, model.Layers).Select(_ => new List<double[]>())];
    private readonly List<double[]>[] values = [.. Enumerable.Range(0, model.Layers).Select(_ => new List<double[]>())];

    public double[] Next(int token)
    {
        var position = keys[0].Count;
        var x = Enumerable.Range(0, model.Dimension).Select(i => (double)model.Tensors["model.embed_tokens.weight"].Values[(token * model.Dimension) + i]).ToArray();
        for (var layer = 0; layer < model.Layers; layer++)
        {
            var name = $"model.layers.{layer}.";
            var h = Norm(x, name + "input_layernorm.weight");
            var q = Turn(Linear(h, name + "self_attn.q_proj"), position);
            keys[layer].Add(Turn(Linear(h, name + "self_attn.k_proj"), position));
            values[layer].Add(Linear(h, name + "self_attn.v_proj"));
            x = Add(x, Linear(Attend(q, keys[layer], values[layer]), name + "self_attn.o_proj"));
            h = Norm(x, name + "post_attention_layernorm.weight");
            var gate = Linear(h, name + "mlp.gate_proj").Select(g => g / (1 + Math.Exp(-g)));
            x = Add(x, Linear([.. gate.Zip(Linear(h, name + "mlp.up_proj"), (g, u) => g * u)], name + "mlp.down_proj"));
        }
        return Linear(Norm(x, "model.norm.weight"), model.Tied ? "model.embed_tokens" : "lm_head");
    }

    private static double[] Add(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private double[] Norm(double[] x, string weight)
    {
        var scale = 1 / Math.Sqrt(x.Average(v => v * v) + 1e-5);
        return [.. x.Zip(model.Tensors[weight].Values, (v, w) => v * scale * w)];
    }

    private double[] Linear(double[] x, string name)
    {
        var (shape, weights) = model.Tensors[name + ".weight"];
        var bias = model.Tensors.TryGetValue(name + ".bias", out var found) ? found.Values : new float[shape[0]];
        return [.. Enumerable.Range(0, shape[0]).Select(row => bias[row] + Enumerable.Range(0, shape[1]).Sum(i => weights[(row * shape[1]) + i] * x[i]))];
    }

    private double[] Turn(double[] heads, int position)
    {
        var (size, turned) = (model.HeadDimension, (double[])heads.Clone());
        for (var head = 0; head < heads.Length; head += size)
        {
            for (var i = 0; i < size / 2; i++)
            {
                var (a, b, angle) = (heads[head + i], heads[head + i + (size / 2)], position * frequency(i));
                turned[head + i] = (a * Math.Cos(angle)) - (b * Math.Sin(angle));
                turned[head + i + (size / 2)] = (a * Math.Sin(angle)) + (b * Math.Cos(angle));
            }
        }
        return turned;
    }

    private double[] Attend(double[] query, List<double[]> keys, List<double[]> values)
    {
        var (size, mixed) = (model.HeadDimension, new double[query.Length]);
        for (var head = 0; head < model.Heads; head++)
        {
            var shared = head / (model.Heads / model.KeyValueHeads) * size;
            var scores = keys.Select(key => Math.Exp(Enumerable.Range(0, size).Sum(i => query[(head * size) + i] * key[shared + i]) / Math.Sqrt(size))).ToArray();
            var sum = scores.Sum();
            for (var at = 0; at < values.Count; at++)
                for (var i = 0; i < size; i++) mixed[(head * size) + i] += scores[at] / sum * values[at][shared + i];
        }
        return mixed;
    }
}
