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
        return files.Where(file => file.Name.EndsWith(".gguf", StringComparison.Ordinal)).ToList() switch
        {
            [] => LoadSafetensors(files, threads),
            [var file] => LoadGguf(file, threads),
            _ => throw new MalformedException(-1, "several .gguf files: which one is the model?"),
        };
    }

    public void Dispose() => Workers.Dispose();

    private static LlamaModel LoadGguf(ModelFile file, int threads)
    {
        var gguf = Gguf.Parse(file);
        var config = LlamaGguf.ReadConfig(gguf);
        var tokenizer = TokenizerGguf.Parse(gguf, config);
        var chat = ChatTemplate.Detect(tokenizer, gguf.Metadata.Text("tokenizer.chat_template"));
        return new(config, LlamaWeights.Read(config, gguf.Tensors, LlamaGguf.Names), tokenizer, chat, threads);
    }

    private static LlamaModel LoadSafetensors(IReadOnlyList<ModelFile> files, int threads)
    {
        var config = LlamaConfig.ParseJson(Find(files, "config.json") ?? throw new MalformedException(-1, "the model has no config.json and no .gguf file"));
        if (Find(files, "generation_config.json") is { } generation) config = config.WithEnds(generation);
        var weights = LlamaWeights.Read(config, Safetensors.ParseAll(files), LlamaNames.Safetensors);
        var tokenizer = Find(files, "tokenizer.json") is { } json ? TokenizerJson.Parse(json, config)
            : Find(files, "tokenizer.bin") is { } binary ? TokenizerBin.Parse(binary, config)
            : throw new MalformedException(-1, "the model has no tokenizer.json and no tokenizer.bin");
        var template = Find(files, "chat_template.jinja") is { } page ? ChatTemplate.ReadPage(page)
            : Find(files, "tokenizer_config.json") is { } settings ? ChatTemplate.Read(settings) : null;
        return new(config, weights, tokenizer, ChatTemplate.Detect(tokenizer, template), threads);
    }

    private static ModelFile? Find(IReadOnlyList<ModelFile> files, string name) =>
        files.Where(file => file.Name == name).Select(file => (ModelFile?)file).FirstOrDefault();
}
