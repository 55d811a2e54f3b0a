using System.CommandLine;
using System.Text.Json;
using Strongroom.Bytes;
using Strongroom.Cli.Approving;
using Strongroom.Facts;
using Strongroom.Policy;
using Strongroom.Protocol;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom request open|list|show</c>.</summary>
internal static class RequestCommand
{
    internal static Command Create() => new Command("request", "Ask for a model's key, for one machine").With(Open(), List(), Show());

    private static Command Open()
    {
        var model = new Argument<string>("model") { Description = "Name of the model" };
        var machine = new Option<string>("--machine") { Description = "The machine that shall have the key", Required = true };
        var purpose = new Option<string>("--purpose") { Description = "What for, a word that the policy knows", Required = true };
        var version = new Option<long?>("--version") { Description = "Left out: the newest" };
        var measurement = new Option<string?>("--measurement") { Description = "How the machine must boot; left out: as is on record, proved last or, before that, said at its enrolment" };
        var files = new Option<string[]>("--file") { Description = "Ask for single files, each with --file; left out: the whole model" };
        var lease = TimeOption("--lease", "How long the key lives before fresh evidence renews it; left out: as long as the policy allows");
        var valid = TimeOption("--valid", "How long the request stands; left out: as long as the policy allows");
        return new Command("open", "Open a request; other people approve it").With(model, machine, purpose, version, measurement, files, lease, valid).Signs(async (parsed, session, _, cancel) =>
        {
            var known = await ModelCommand.FindAsync(session, parsed.GetRequiredValue(model), parsed.GetValue(version), cancel);
            var place = await MachineCommand.FindAsync(session, parsed.GetRequiredValue(machine), cancel);
            var measured = parsed.GetValue(measurement) is { } given ? Digest.Parse(given) : place.Measurement
                ?? throw new RefusedException($"{place.Machine} has not proved yet how it boots; say what you expect with --measurement");
            var rule = ReleasePolicy.Parse((await session.Broker.PolicyAsync(cancel)).Policy.Utf8).RuleFor(known.Model, parsed.GetRequiredValue(purpose))
                ?? throw new RefusedException($"no rule of the policy in force lets {known.Model} be used for {parsed.GetRequiredValue(purpose)}; strongroom policy show says what it allows");
            var command = new OpenRequest(
                session.Ledger, Facts.Command.NewId(), session.Person, Session.Now, known.Model, known.Version, known.ModelDigest, place.Machine, measured,
                parsed.GetRequiredValue(purpose), Time(parsed, lease) ?? rule.MaximumLeaseSeconds,
                Time(parsed, valid) is { } chosen ? Session.Now.AddSeconds(chosen) : Session.Within(rule.MaximumRequestSeconds), parsed.GetValue(files) is { Length: > 0 } some ? some : null);
            return new(session, command)
            {
                Next = "Others run: strongroom approve {0}",
            };
        });
    }

    private static Command List() => new Command("list", "Requests and how they stand").Talks(async (_, session, terminal, cancel) =>
    {
        var requests = await session.Broker.RequestsAsync(cancel);
        terminal.Answer(requests, ProtocolJson.Default.IReadOnlyListRequestDetails, text => Columns.Write(
            text, ["REQUEST", "STATUS", "MODEL", "MACHINE", "PURPOSE", "UNTIL"],
            requests.Select(request => (IReadOnlyList<string>)
                [request.Request, Status(request), $"{request.Command.Model} {request.Command.Version}", request.Command.Machine, request.Command.Purpose, Timestamp.Format(request.Command.Expires)]),
            "nobody has asked for anything"));
        return ExitCode.Ok;
    });

    private static Command Show()
    {
        var id = new Argument<string>("request");
        return new Command("show", "One request: what is asked, who answered, what is missing, and what changed since the last approved machine").With(id).Talks(async (parsed, session, terminal, cancel) =>
        {
            var request = await session.Broker.RequestAsync(parsed.GetRequiredValue(id), cancel);
            var changed = await WhatChanged.SinceLastReleaseAsync(session, request, cancel);
            var json = JsonSerializer.SerializeToNode(request, ProtocolJson.Default.RequestDetails)!;
            json["changed"] = changed.ToJson();
            terminal.Answer(json, text =>
            {
                Say(request, text);
                foreach (var line in changed.Words) text.WriteLine($"  {line}");
            });
            return request.Status switch
            {
                RequestStatus.Ready => ExitCode.Ok,
                RequestStatus.Pending => ExitCode.NotYet,
                _ => ExitCode.Refused,
            };
        });
    }

    internal static Option<string?> TimeOption(string name, string description)
    {
        var option = new Option<string?>(name) { Description = $"{description}; such as 8h" };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } text && Read(text) is null) result.AddError($"'{text}' is no length of time: write 90s, 15m, 8h or 1d");
        });
        return option;
    }

    internal static long? Time(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) is { } text ? Read(text) : null;

    /// <summary>As policies write it, or shorter, as command lines do: 90s, 15m, 8h, 1d.</summary>
    private static long? Read(string text) => Duration.Parse(text) ?? text switch
    {
        [.. var digits, 's'] => Duration.Parse(digits + " seconds"),
        [.. var digits, 'm'] => Duration.Parse(digits + " minutes"),
        [.. var digits, 'h'] => Duration.Parse(digits + " hours"),
        [.. var digits, 'd'] => Duration.Parse(digits + " days"),
        _ => null,
    };

    private static void Say(RequestDetails request, TextWriter text)
    {
        text.WriteLine($"{request.Request}: {Status(request)}");
        text.WriteLine($"  what {request.OpenedByName ?? request.Command.By} signed:");
        foreach (var line in CommandWords.Say(request.Command)) text.WriteLine($"    {line}");
        foreach (var answer in request.Approvals)
        {
            var fate = answer.Consumed ? ", spent by a release" : answer.Counts ? "" : ", no longer counts";
            text.WriteLine($"  {(answer.Decision == Answer.Approve ? "approved" : "refused")} by {answer.Name ?? answer.By} at {Timestamp.Format(answer.At)}, until {Timestamp.Format(answer.Expires)}{fate}");
        }
        foreach (var missing in request.Missing ?? []) text.WriteLine($"  missing: {missing}");
        foreach (var reason in request.Reasons ?? []) text.WriteLine($"  denied: {reason}");
        foreach (var lease in request.Leases ?? []) text.WriteLine($"  released as {lease}");
    }

    private static string Status(RequestDetails request) => request.Status.ToString().ToLowerInvariant();
}
