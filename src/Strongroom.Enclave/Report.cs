using System.Text.Json.Nodes;

namespace Strongroom.Enclave;

/// <summary>What the enclave tells the terminal: sentences, or with --json one object a line. There is no way to hand it a prompt, an answer or a key.</summary>
public sealed class Report(TextWriter output, bool json)
{
    /// <param name="name">Stable, for programs.</param>
    /// <param name="words">For people.</param>
    /// <param name="more">For programs: numbers and texts.</param>
    public void Say(string name, string words, params ReadOnlySpan<(string Name, JsonNode? Value)> more)
    {
        if (!json)
        {
            Write(words);
            return;
        }
        var line = new JsonObject { ["event"] = name, ["words"] = words };
        foreach (var (member, value) in more) line[member] = value;
        Write(line.ToJsonString());
    }

    /// <summary>The last word of a run that failed: the line on <paramref name="error"/>, with --json its document too.</summary>
    public void Fail(Failure failure, string program, TextWriter error)
    {
        ArgumentNullException.ThrowIfNull(failure);
        lock (output) failure.Tell(program, error, json ? output : null);
    }

    private void Write(string line)
    {
        lock (output)
        {
            output.WriteLine(line);
            output.Flush();
        }
    }
}
