using System.CommandLine;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Cli.Policies;
using Strongroom.Facts;
using Strongroom.Policy;
using Strongroom.Protocol;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom policy check|sign|show|explain</c>.</summary>
internal static class PolicyCommand
{
    internal static Command Create() => new Command("policy", "Who may get which key: read a policy, sign it, ask what it says about a request").With(Check(), Sign(), Show(), Explain());

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

    private static Command Sign()
    {
        var file = new Argument<string>("file") { Description = "A policy in YAML; strongroom policy check says what it means" };
        return new Command("sign", "Propose a policy; it is in force once another administrator approves").With(file)
            .Signs(async (parsed, session, _, cancel) =>
            {
                var change = new SetPolicy(CanonicalDocument.Parse(Read(parsed.GetRequiredValue(file)).Canonical.Span));
                return new(session, session.Propose(change))
                {
                    Before = await InWords.WarnAsync(session, change, cancel), Next = Signing.SecondAdministrator, WhileMissing = ExitCode.NotYet,
                };
            });
    }

    private static Command Show() => new Command("show", "The policy in force").Talks(async (_, session, terminal, cancel) =>
    {
        var policy = ReleasePolicy.Parse((await session.Broker.PolicyAsync(cancel)).Policy.Utf8);
        terminal.Answer(ToJson(policy), text => Say(policy, text));
        return ExitCode.Ok;
    });

    private static Command Explain()
    {
        var request = new Argument<string>("request") { Description = "A request's id" };
        return new Command("explain", "What each rule says about a request now").With(request).Talks(async (parsed, session, terminal, cancel) =>
        {
            var explanation = await session.Broker.ExplanationAsync(parsed.GetRequiredValue(request), cancel);
            terminal.Answer(explanation, ProtocolJson.Default.ExplanationReply, text =>
            {
                foreach (var rule in explanation.Checks.GroupBy(check => check.Rule))
                {
                    text.WriteLine(rule.Key.Length == 0 ? "every request" : $"rule \"{rule.Key}\"");
                    foreach (var check in rule) text.WriteLine($"  {Mark(check.Outcome)}  {check.Check}: {check.Words}");
                }
            });
            return explanation.Checks.Any(check => check.Outcome == "refused") ? ExitCode.Refused
                : explanation.Checks.Any(check => check.Outcome == "missing") ? ExitCode.NotYet
                : ExitCode.Ok;
        });
    }

    private static string Mark(string outcome) => outcome switch
    {
        "met" => "yes    ",
        "missing" => "not yet",
        "refused" => "NO     ",
        _ => "-      ",
    };

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
