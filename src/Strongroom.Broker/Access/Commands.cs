using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Access;

/// <summary>How a person's signed command becomes a record, whichever address it came to.</summary>
internal static class Commands
{
    /// <param name="enclosed">What the command brings along, read by now: the one write path asks no more than what depends on the ledger.</param>
    public static async Task<Results<Ok<CommandReply>, Accepted<CommandReply>, ProblemHttpResult>> WriteAsync(
        Journal journal, Strangers strangers, SignedCommand signed, Enclosures enclosed, CancellationToken cancel)
    {
        if (Malformed(signed) is { } malformed) return malformed;
        // What leaves no record takes no turn in the write path, and what is dear to judge - a chain of certificates - is judged out here first.
        var (reasons, draft) = journal.Read((state, now) => Judge(state, signed, enclosed, now));
        var receipt = draft is null ? null : await journal.WriteAsync(
            (state, now) =>
            {
                (reasons, draft) = Judge(state, signed, enclosed, now);
                return draft;
            },
            cancel);
        if (draft is null) strangers.Count();
        if (reasons.Count > 0) return Problem.Refused.Because(reasons);
        var missing = Missing(journal.State, signed.Command);
        var reply = new CommandReply(receipt!.Index, Subject(signed.Command), missing.Count == 0 ? null : missing);
        return missing.Count == 0 ? TypedResults.Ok(reply) : TypedResults.Accepted((string?)null, reply);
    }

    /// <summary>Why the command may not be written, and what is written instead: the refusal of a person's own word, while there is room for it; else nothing.</summary>
    private static (IReadOnlyList<string> Reasons, Draft? Draft) Judge(LedgerState state, SignedCommand signed, Enclosures enclosed, DateTimeOffset now)
    {
        if (state.Refusals(signed, now) is { Count: > 0 } reasons)
            return (reasons, CommandRefused.Of(state, signed, now) is { } refused && state.Refused.HasRoomFor(refused) ? new(refused) : null);
        return enclosed.Refusals(state, signed.Command, now) is { Count: > 0 } wrong
            ? (wrong, null)
            : ([], new(new CommandRecord(now, signed.Command, signed.Signature), enclosed.Blobs));
    }

    /// <summary>The reader takes some values that have no canonical form; nobody can have signed them, and no rule is asked about them.</summary>
    public static ProblemHttpResult? Malformed(SignedCommand signed)
    {
        try
        {
            signed.ToBytes();
            return null;
        }
        catch (ArgumentException)
        {
            return Problem.Malformed.Because("the command holds what no signature can be over: a null in a list or a number beyond 2^53");
        }
    }

    private static string Subject(Command command) => command switch
    {
        ProposeChange propose => Ids.Proposal(propose),
        ApproveChange approve => approve.Proposal,
        RefuseChange refuse => refuse.Proposal,
        AddModel add => Ids.Model(add.Model, add.Version),
        EnrolMachine enrol => enrol.Machine,
        RetireMachine retire => retire.Machine,
        RecordEndorsements record => record.Bundle.ToString(),
        OpenRequest open => Ids.Request(open),
        Approval approval => approval.Request,
        Revoke revoke => revoke.Target,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static IReadOnlyList<string> Missing(LedgerState state, Command command) => command switch
    {
        ProposeChange => ["another administrator has to approve this proposal"],
        OpenRequest open => Approvals.Requests.Missing(state, state.Requests.Requests[Ids.Request(open)], state.At),
        Approval approval => Approvals.Requests.Missing(state, state.Requests.Requests[approval.Request], state.At),
        _ => [],
    };
}
