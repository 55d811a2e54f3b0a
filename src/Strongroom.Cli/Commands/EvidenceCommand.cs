using System.CommandLine;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;
using Strongroom.Cli.Appraising;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom evidence verify|show|diff|token</c>: attestation evidence appraised here, offline, with no broker.</summary>
internal static class EvidenceCommand
{
    private static readonly Option<string> Kind = new("--kind")
    {
        Description = $"{string.Join(", ", Appraiser.Kinds)}, or auto: by what the file looks like", DefaultValueFactory = _ => "auto",
    };

    internal static Command Create() => new Command("evidence",
        """
        What a machine says about itself: verified offline, shown in words, compared

        Nothing is fetched and no broker is asked. Vendors' roots are pinned in this program; certificates, revocation lists and reference values come from the
        evidence itself or from --endorsements.
        """).With(Verify(), Show(), Diff(), EvidenceTokenCommand.Create(), EvidenceTokenCommand.Keys());

    private static Command Verify()
    {
        var kind = new Option<string>("--kind") { Description = $"{string.Join(", ", Appraiser.Kinds)}; auto takes what the file looks like, so that who sends it chooses", Required = true };
        var evidence = new Option<string>("--evidence") { Description = "The file that the platform's own tools wrote" };
        var endorsements = new Option<string[]>("--endorsements") { Description = "A file or a directory of certificates, revocation lists, TCB info, RIMs: recognised by content, whatever their names" };
        var collector = new Option<string>("--collector") { Description = "Where --endorsements is a bundle: the public key of who signed it", HelpName = "FILE" };
        var policy = new Option<string>("--policy") { Description = "A policy of the kind, YAML or JSON; without it the strict built-in one" };
        var showPolicy = new Option<bool>("--show-policy") { Description = "Print the strict built-in policy of --kind and do nothing else" };
        var reportData = new Option<string>("--report-data") { Description = "What the evidence must carry, hexadecimal or @FILE, in exactly the length of its field: sev-snp, tdx, sgx 64 bytes of report data; nitro its user_data; tpm extraData" };
        var nonce = new Option<string>("--nonce") { Description = "What the evidence must carry as its nonce, hexadecimal or @FILE: nitro, tpm, nvidia-gpu and nvidia-switch (32 bytes), composite (the transcript's digest, 32 bytes); the others have none" };
        var at = new Option<string>("--at") { Description = "The time for every check of validity, such as 2026-01-31T12:00:00Z; now if not given" };
        var without = new Option<string>("--danger-without") { Description = "Leave out groups of checks: revocation, tcb, freshness, binding; separated by commas" };
        var token = new TokenOptions();
        return new Command("verify",
            """
            Check everything that evidence of this kind can be checked for, and say each check's result

            Exit code 0: verified; 1: rejected, with every check that failed; 2: no evidence of this kind; 3: nothing failed, but endorsements are missing or stale.
            Verified means genuine, current and as the policy asks. Without --policy no measurement is compared. What is left open is listed as not checked: decide it yourself.
            """).With(kind, evidence, endorsements, collector, policy, reportData, nonce, at, without, showPolicy).With(token.All).Runs((parsed, terminal) =>
        {
            if (parsed.GetValue(showPolicy)) return ShowPolicy(Named(parsed.GetRequiredValue(kind)), terminal);
            using var writer = token.Read(parsed);
            var bytes = File.ReadAllBytes(parsed.GetValue(evidence) ?? throw new UsageException("--evidence FILE is needed"));
            var appraiser = Find(parsed.GetRequiredValue(kind), bytes);
            var request = new AppraisalRequest(bytes, Time(parsed.GetValue(at)))
            {
                Endorsements = EndorsementFiles.Read(parsed.GetValue(endorsements) ?? [], parsed.GetValue(collector), terminal),
                Policy = parsed.GetValue(policy) is { } file ? AppraisalPolicy.Read(file) : default,
                ReportData = Bytes(parsed.GetValue(reportData), "--report-data"),
                Nonce = Bytes(parsed.GetValue(nonce), "--nonce"),
                Without = Groups(parsed.GetValue(without)),
            };
            if (request is { ReportData: null, Nonce: null } && !request.Without.Contains(CheckGroup.Binding))
                throw new UsageException("without --report-data or --nonce the evidence may be somebody's old copy; if that is all right, say --danger-without binding");
            if (request is not { ReportData: null, Nonce: null } && request.Without.Contains(CheckGroup.Binding))
                throw new UsageException("--report-data and --nonce would be looked at by nobody: --danger-without binding leaves them out");
            if (parsed.GetRequiredValue(kind) == "auto") terminal.Note("--kind auto: whoever made this file chose which kind of evidence it is; name the kind that you want");
            var result = appraiser.Appraise(request);
            writer?.Write(result, request.Policy);
            terminal.Answer(result.ToJson(), text => ResultInWords.Write(result, text));
            return result.Outcome switch { Outcome.Verified => ExitCode.Ok, Outcome.Rejected => ExitCode.Refused, _ => ExitCode.Unavailable };
        });
    }

    private static Command Show()
    {
        var file = new Argument<string>("file") { Description = "Evidence of any kind" };
        return new Command("show", "Every field of a piece of evidence, decoded, with its meaning and what would make it dangerous; nothing is verified").With(file, Kind).Runs((parsed, terminal) =>
        {
            var bytes = File.ReadAllBytes(parsed.GetRequiredValue(file));
            var appraiser = Find(parsed.GetValue(Kind)!, bytes);
            var fields = appraiser.Show(bytes);
            terminal.Answer(new JsonObject { ["kind"] = appraiser.Kind, ["fields"] = new JsonArray([.. fields.Select(Json)]) }, text => EvidenceInWords.Write(appraiser.Kind, fields, text));
            return ExitCode.Ok;
        });
    }

    private static Command Diff()
    {
        var first = new Argument<string>("first") { Description = "Evidence" };
        var second = new Argument<string>("second") { Description = "Evidence of the same kind" };
        return new Command("diff", "What changed from one piece of evidence to another, and what would notice").With(first, second, Kind).Runs((parsed, terminal) =>
        {
            var (one, two) = (File.ReadAllBytes(parsed.GetRequiredValue(first)), File.ReadAllBytes(parsed.GetRequiredValue(second)));
            var appraiser = Find(parsed.GetValue(Kind)!, one);
            var changes = EvidenceChange.Between(appraiser, one, two);
            terminal.Answer(new JsonObject { ["kind"] = appraiser.Kind, ["changes"] = new JsonArray([.. changes.Select(Json)]) }, text => EvidenceInWords.Write(changes, text));
            return ExitCode.Ok;
        });
    }

    private static int ShowPolicy(Appraiser appraiser, Terminal terminal)
    {
        terminal.Answer(appraiser.StrictPolicy(), text => AppraisalPolicy.Write(appraiser.StrictPolicy(), text));
        return ExitCode.Ok;
    }

    internal static Appraiser Find(string kind, ReadOnlySpan<byte> evidence) => kind != "auto" ? Named(kind)
        : Appraiser.Recognise(evidence) ?? throw new MalformedException(-1, $"this looks like no evidence that is known here ({string.Join(", ", Appraiser.Kinds)}); if you know what it is, say --kind");

    private static Appraiser Named(string kind) =>
        Appraiser.For(kind) ?? throw new UsageException(kind == "auto" ? "say of which --kind" : $"there is no kind {kind}; there are {string.Join(", ", Appraiser.Kinds)}");

    internal static ReadOnlyMemory<byte>? Bytes(string? text, string option)
    {
        if (text is null) return null;
        if (text.StartsWith('@') && File.ReadAllBytes(text[1..]) is { Length: > 0 } read) return read;
        if (text.Length == 0 || text.StartsWith('@')) throw new UsageException($"{option} is empty: evidence that answers nobody would answer it");
        try
        {
            return Convert.FromHexString(text);
        }
        catch (FormatException)
        {
            throw new UsageException($"{option} is hexadecimal, or @ and the name of a file");
        }
    }

    internal static DateTimeOffset Time(string? text)
    {
        try
        {
            return text is null ? TimeProvider.System.GetUtcNow() : Timestamp.Parse(text);
        }
        catch (MalformedException e)
        {
            throw new UsageException($"--at: {e.Message}");
        }
    }

    private static HashSet<CheckGroup> Groups(string? text) => [.. (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(word => word switch
    {
        "revocation" => CheckGroup.Revocation,
        "tcb" => CheckGroup.Tcb,
        "freshness" => CheckGroup.Freshness,
        "binding" => CheckGroup.Binding,
        _ => throw new UsageException($"--danger-without knows revocation, tcb, freshness and binding, not {word}"),
    })];

    private static JsonObject Json(EvidenceField field) => new()
    {
        ["name"] = field.Name, ["value"] = field.Value, ["meaning"] = field.Meaning, ["danger"] = field.Danger, ["noticed_by"] = field.Policy, ["signed"] = field.Covered,
    };

    private static JsonObject Json(EvidenceChange change) => new()
    {
        ["name"] = change.Name, ["before"] = change.Before, ["after"] = change.After, ["noticed_by"] = change.NoticedBy, ["signed"] = change.Covered,
    };
}
