using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Strongroom.Bytes;
using Strongroom.Keys;

namespace Strongroom.Cli;

/// <summary>Where a command speaks: answers on standard output, in words or as one JSON document; everything else on standard error.</summary>
internal sealed class Terminal(TextWriter output, TextWriter error, bool json, Talk? talk = null)
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly TextWriter words = VisibleText.Over(output);
    private readonly TextWriter notes = VisibleText.Over(error);

    /// <summary>True when the answer must be a JSON document.</summary>
    internal bool Json => json;

    /// <summary>The command's one answer: with --json the value, else what <paramref name="inWords"/> writes.</summary>
    internal void Answer<T>(T value, JsonTypeInfo<T> type, Action<TextWriter> inWords) =>
        Answer(json ? JsonSerializer.SerializeToNode(value, type) : null, inWords);

    internal void Answer(JsonNode? value, Action<TextWriter> inWords)
    {
        if (!json)
        {
            inWords(words);
            return;
        }
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, Indented)) (value ?? new JsonObject()).WriteTo(writer);
        output.WriteLine(System.Text.Encoding.UTF8.GetString(bytes.ToArray()));
    }

    /// <summary>A line that belongs to no answer: a warning, a note, what to do next.</summary>
    internal void Note(string line) => notes.WriteLine(line.ReplaceLineEndings(" "));

    /// <summary>One line on standard error; with --json also the answer.</summary>
    /// <returns>The exit code.</returns>
    internal int Fail(Failure failure)
    {
        Note($"strongroom: {failure.What}");
        if (json) Answer(failure.ToJson(), _ => { });
        return failure.ExitCode;
    }

    /// <param name="what">A verb and its object: "sealing weights.safetensors".</param>
    /// <param name="total">Bytes in all.</param>
    /// <returns>Silent with --json, and where standard error is no terminal.</returns>
    internal Progress Progress(string what, long total) => new(
        !json && (talk?.Watched ?? !Console.IsErrorRedirected) ? error : null, what, total, talk?.Clock ?? TimeProvider.System);

    /// <summary>True only for a typed y or yes.</summary>
    internal bool Confirm(string question)
    {
        error.Write($"{question} [y/n] ");
        return Console.In.ReadLine()?.Trim().ToLowerInvariant() is "y" or "yes";
    }

    /// <summary>Asks on the terminal without echo; from a pipe it reads one line of standard input.</summary>
    /// <exception cref="UsageException">There is nothing there, or an empty line.</exception>
    internal Secret AskSecret(string prompt)
    {
        if (!Console.IsInputRedirected) return HiddenLine.Ask(prompt, error) ?? throw Empty();
        var line = Console.In.ReadLine() ?? throw new UsageException($"{prompt}: nothing on standard input");
        return line.Length > 0 ? Secret.Take(Encoding.UTF8.GetBytes(line)) : throw Empty();

        UsageException Empty() => new($"{prompt}: it is empty; without a passphrase ask for --danger-unprotected");
    }
}
