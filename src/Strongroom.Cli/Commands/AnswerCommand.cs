using System.CommandLine;
using Strongroom.Bytes;
using Strongroom.Cli.Approving;
using Strongroom.Facts;
using Strongroom.Policy;
using Strongroom.Protocol;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom approve ID</c> and <c>strongroom refuse ID</c>: a person's answer to a request for a key, or to a proposed change of trust.</summary>
internal static class AnswerCommand
{
    private static readonly Argument<string> Id = new("id") { Description = "A request-... or proposal-..., as strongroom request list and proposal list show them" };

    private static readonly Option<string?> Valid =
        RequestCommand.TimeOption("--valid", "How long your approval of a request counts; left out: as long as the policy allows");

    internal static Command Approve() => new Command("approve", "Read what you would sign, and agree to it").With(Id, Valid)
        .Signs((parsed, session, _, cancel) => PrepareAsync(parsed, session, Answer.Approve, cancel));

    internal static Command Refuse() => new Command("refuse", "Say no, for good").With(Id)
        .Signs((parsed, session, _, cancel) => PrepareAsync(parsed, session, Answer.Refuse, cancel));

    private static Task<Signing> PrepareAsync(ParseResult parsed, Session session, Answer decision, CancellationToken cancel)
    {
        var id = parsed.GetRequiredValue(Id);
        if (id.StartsWith("request-", StringComparison.Ordinal)) return ToRequestAsync(id, parsed, session, decision, cancel);
        if (id.StartsWith("proposal-", StringComparison.Ordinal)) return ToProposalAsync(id, session, decision, cancel);
        throw new UsageException($"{id} is neither a request-... nor a proposal-...");
    }

    private static async Task<Signing> ToRequestAsync(string id, ParseResult parsed, Session session, Answer decision, CancellationToken cancel)
    {
        var request = await session.Broker.RequestAsync(id, cancel);
        var open = request.Command;
        if (Ids.Request(open) != id || open.Ledger != session.Ledger) throw new RefusedException($"the broker answered with another request than {id}");
        await RequireOnRecordAsync(session, request.Index, open, cancel);
        var policy = await PolicyOnRecordAsync(session, cancel);
        IReadOnlyList<string> changed = decision == Answer.Approve ? (await WhatChanged.SinceLastReleaseAsync(session, request, cancel)).Words : []; // a no needs no reasons
        var until = Time(parsed, decision) is { } chosen
            ? Session.Now.AddSeconds(chosen)
            : Session.Within(policy.RuleFor(open.Model, open.Purpose)?.MaximumApprovalSeconds ?? Duration.Hour);
        var command = new Approval(
            session.Ledger, Facts.Command.NewId(), session.Person, Session.Now, decision, id, open.Digest(), policy.Digest, open.ModelDigest, open.Machine, open.Measurement,
            open.Purpose, open.LeaseSeconds, until < open.Expires ? until : open.Expires);
        var opener = request.OpenedByName is { } name ? $"{name} ({open.By})" : open.By;
        return new(session, command)
        {
            Before = [$"What {opener} signed:", .. CommandWords.Say(open).Select(line => "  " + line), .. changed],
            Done = decision == Answer.Approve ? "has every approval; the machine can fetch the key" : "is refused",
            Next = "strongroom policy explain {0} says more",
        };
    }

    private static async Task<Signing> ToProposalAsync(string id, Session session, Answer decision, CancellationToken cancel)
    {
        var proposal = (await session.Broker.ProposalsAsync(cancel)).FirstOrDefault(proposal => proposal.Proposal == id)
            ?? throw new RefusedException($"{id} does not wait for an answer; strongroom proposal list shows what does");
        var propose = proposal.Command;
        if (Ids.Proposal(propose) != id || propose.Ledger != session.Ledger) throw new RefusedException($"the broker answered with another proposal than {id}");
        await RequireOnRecordAsync(session, proposal.Index, propose, cancel);
        var digest = propose.Digest();
        Facts.Command command = decision == Answer.Approve
            ? new ApproveChange(session.Ledger, Facts.Command.NewId(), session.Person, Session.Now, id, digest)
            : new RefuseChange(session.Ledger, Facts.Command.NewId(), session.Person, Session.Now, id, digest);
        var by = proposal.ProposedByName is { } name ? $"{name} ({propose.By})" : propose.By;
        return new(session, command)
        {
            Before = [$"What {by} signed:", .. InWords.Say(propose).Select(line => "  " + line), .. decision == Answer.Approve ? await InWords.WarnAsync(session, propose.Change, cancel) : []],
            Done = decision == Answer.Approve ? "is so now" : "is refused",
        };
    }

    /// <summary>
    /// Digests are computed here, from what is shown here, so a broker that shows other words gets no signature for its own; and what is shown must stand in the
    /// witnessed ledger, so that it gets none that it could use later either, and the person learns of it.
    /// </summary>
    private static async Task RequireOnRecordAsync(Session session, long index, Facts.Command shown, CancellationToken cancel)
    {
        if (await session.RecordAsync(index, cancel) is not CommandRecord { Command: var recorded } || recorded.Digest() != shown.Digest())
            throw new RefusedException($"what the broker shows is not what stands in the ledger at entry {index}: sign nothing, and ask who runs the broker");
    }

    /// <summary>Two people put these very words in force; that no later policy did is the broker's word, and an approval counts under the policy that it names alone.</summary>
    private static async Task<ReleasePolicy> PolicyOnRecordAsync(Session session, CancellationToken cancel)
    {
        var shown = await session.Broker.PolicyAsync(cancel);
        if (await session.RecordAsync(shown.Proposed, cancel) is not CommandRecord { Command: ProposeChange { Change: SetPolicy set } proposed }
            || !set.Policy.Equals(shown.Policy)
            || await session.RecordAsync(shown.Index, cancel) is not CommandRecord { Command: ApproveChange agreed }
            || agreed.Proposal != Ids.Proposal(proposed))
            throw new RefusedException("the policy that the broker shows was never put in force in the ledger: sign nothing, and ask who runs the broker");
        return ReleasePolicy.Parse(shown.Policy.Utf8);
    }

    private static long? Time(ParseResult parsed, Answer decision) => decision == Answer.Approve ? RequestCommand.Time(parsed, Valid) : null;
}
