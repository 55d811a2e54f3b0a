using System.CommandLine;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Cli.Policies;
using Strongroom.Policy;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom policy check|sign|explain</c>.</summary>
internal static class PolicyCommand
{
    internal static Command Create() => new Command("policy", "Who may get which key: read a policy, sign it, ask what it says about a request").With(Check());

    private static Command Check()
    {
        var file = new Argument<string>("file") { Description = "A policy in YAML (spec/policy.md), or the canonical JSON that was signed" };
        var canonical = new Option<bool>("--canonical") { Description = "Print the canonical JSON that people would sign, and nothing else" };
        return new Command("check", "Say a policy back in sentences and warn of holes").With(file, canonical).Runs((parsed, terminal) =>
        {
            var policy = Read(parsed.GetRequiredValue(file));
            if (parsed.GetValue(canonical)) Console.Out.Write(System.Text.Encoding.UTF8.GetString(policy.Canonical.Span));
            else terminal.Answer(ToJson(policy), text => Say(policy, text));
            return ExitCode.Ok;
        });
    }

    /// <exception cref="MalformedException">Names the file and the place in it.</exception>
    internal static ReleasePolicy Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        try
        {
            return PolicyYaml.Parse(bytes);
        }
        catch (MalformedException e)
        {
            throw new MalformedException(-1, $"{path}: {e.Message}");
        }
    }

    internal static void Say(ReleasePolicy policy, TextWriter text)
    {
        foreach (var sentence in policy.Sentences) text.WriteLine(sentence);
        text.WriteLine();
        foreach (var warning in policy.Warnings) text.WriteLine($"warning: {warning}");
        if (policy.Warnings.Count == 0) text.WriteLine("No hole found that this software knows.");
        text.WriteLine($"digest: {policy.Digest}");
    }

    private static JsonObject ToJson(ReleasePolicy policy) => new()
    {
        ["digest"] = policy.Digest.ToString(),
        ["sentences"] = Words(policy.Sentences),
        ["warnings"] = Words(policy.Warnings),
        ["policy"] = JsonNode.Parse(policy.Canonical.Span),
    };

    private static JsonArray Words(IReadOnlyList<string> words) => [.. words.Select(word => JsonValue.Create(word.Trim()))];
}
