using Strongroom.Bytes;
using Strongroom.Weights.Formats;

namespace Strongroom.Weights.Models;

/// <summary>
/// A Llama-architecture model whose files lie in memory. Weights are read there and are never copied to the garbage collector's heap; the memory must
/// outlive the model and every session on it.
/// </summary>
public sealed class LlamaModel : IDisposable
{
    internal LlamaModel(LlamaConfig config, LlamaWeights weights, Tokenizer tokenizer, ChatFormat chat, int threads)
    {
        (Config, Weights, Tokenizer, Chat) = (config, weights, tokenizer, chat);
        Frequencies = [.. Enumerable.Range(0, config.HeadDimension / 2)
            .Select(pair => config.RopeScaling.Frequency(pair, config.HeadDimension, config.RopeTheta))];
        Workers = new Workers(threads);
    }

    public LlamaConfig Config { get; }

    public Tokenizer Tokenizer { get; }

    public ChatFormat Chat { get; }

    /// <summary>Threads that compute, the caller's included.</summary>
    public int Threads => Workers.Count;

    internal LlamaWeights Weights { get; }

    internal IReadOnlyList<double> Frequencies { get; }

    internal Workers Workers { get; }

    /// <summary>
    /// Finds the model among its files: one <c>.gguf</c>, or <c>config.json</c> with <c>.safetensors</c> files and <c>tokenizer.json</c> or llama2.c's
    /// <c>tokenizer.bin</c>. Other files (licences, READMEs) are not looked at.
    /// </summary>
    /// <param name="threads">Threads that compute, 0 for one per core.</param>
    /// <exception cref="MalformedException">The files are not a model that this engine computes exactly.</exception>
    public static LlamaModel Load(IReadOnlyList<ModelFile> files, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        if (threads == 0) threads = Environment.ProcessorCount;
        var config = LlamaConfig.ParseJson(Find(files, "config.json") ?? throw new MalformedException(-1, "the model has no config.json and no .gguf file"));
        var tensors = Safetensors.ParseAll(files);
        var tokenizer = ReadTokenizer(files, config);
        return new(config, LlamaWeights.FromSafetensors(config, tensors), tokenizer, ChatFormat.Plain, threads);
    }

    public void Dispose() => Workers.Dispose();

    private static Tokenizer ReadTokenizer(IReadOnlyList<ModelFile> files, LlamaConfig config)
    {
        if (Find(files, "tokenizer.bin") is { } binary) return TokenizerBin.Parse(binary, config);
        throw new MalformedException(-1, "the model has no tokenizer.json and no tokenizer.bin");
    }

    private static ModelFile? Find(IReadOnlyList<ModelFile> files, string name) =>
        files.Where(file => file.Name == name).Select(file => (ModelFile?)file).FirstOrDefault();
}
