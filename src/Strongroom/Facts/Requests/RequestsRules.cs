using Strongroom.Attestation.Composite;
using Strongroom.Policy;

namespace Strongroom.Facts;

/// <summary>Rules for opening a request and for answering one.</summary>
internal static class RequestsRules
{
    /// <summary>Nobody approves further ahead than this, whatever a policy says.</summary>
    public static readonly TimeSpan LongestRequest = TimeSpan.FromDays(366);

    /// <summary>Each renewal on a TEE puts its evidence beside the ledger for ever, which is large: a lease there is no shorter, so that nobody renews every second.</summary>
    public const long ShortestTeeLeaseInSeconds = 60;

    /// <summary>A decision repeats the request's files, twice if it must name them in its reasons: all of that has to fit into one entry.</summary>
    private const int LongestCommandInBytes = 24 * 1024;

    public static IEnumerable<string> Refusals(LedgerState state, OpenRequest command, DateTimeOffset now)
    {
        if (command.ToBytes().Length > LongestCommandInBytes) yield return $"a request has {LongestCommandInBytes} bytes at most: name fewer files";
        foreach (var reason in Rules.NeedsGroup(state, command.By, Groups.Operators, Groups.Requesters)) yield return reason;
        if (state.Models.Find(command.Model, command.Version) is not { } model) yield return $"there is no version {command.Version} of {command.Model}";
        else if (model.Digest != command.ModelDigest) yield return $"version {command.Version} of {command.Model} has another digest";
        else if (model.Withdrawn) yield return $"version {command.Version} of {command.Model} was withdrawn";
        if (state.Machines.Find(command.Machine) is not { Active: true } machine) yield return $"{command.Machine} is not an enrolled machine";
        else if (command.LeaseSeconds < ShortestTeeLeaseInSeconds && CompositeEvidence.CpuKinds.Contains(machine.Kind))
            yield return $"a lease on a {machine.Kind} machine has {ShortestTeeLeaseInSeconds} seconds at least: the evidence of each renewal is kept for ever";
        foreach (var reason in Rules.WellFormedText("a purpose", command.Purpose)) yield return reason;
        if (command.LeaseSeconds < 1 || command.LeaseSeconds > (long)LongestRequest.TotalSeconds) yield return "a lease has a second at least, and a year at most";
        if (command.Expires <= now) yield return "the request would be expired when it is opened";
        if (command.Expires > now + LongestRequest) yield return "a request stands for a year at most";
        if (command.Files is { } files && (files.Count == 0 || files.Distinct(StringComparer.Ordinal).Count() != files.Count))
            yield return "the files are some, each once, or left out for the whole model";
    }

    public static IEnumerable<string> Refusals(LedgerState state, Approval command, DateTimeOffset now)
    {
        if (state.Requests.Find(command.Request) is not { } request)
        {
            yield return $"there is no request {command.Request}";
            yield break;
        }
        foreach (var reason in NotWhatIsOnRecord(state, request, command)) yield return reason;
        foreach (var reason in NotOneMorePerson(state, request, command, now)) yield return reason;
        if (command.Decision == Answer.Refuse && !MayRefuse(state, request.Asked, command.By))
            yield return "a request is refused by who opened it, by administrators, and by people of the groups whose approval it needs";
        if (request.Revoked) yield return "the request was revoked";
        if (request.Asked.Expires <= now) yield return "the request has expired";
        if (command.Expires <= now) yield return "the answer would be expired when it is given";
        if (command.Expires > request.Asked.Expires) yield return "an answer does not outlive its request";
    }

    /// <summary>Each value is inside the signature, so a person who was shown something else has not answered this request.</summary>
    private static IEnumerable<string> NotWhatIsOnRecord(LedgerState state, Request request, Approval command)
    {
        var asked = request.Asked;
        if (command.RequestDigest != asked.Digest) yield return "the answer is signed for another content of the request";
        if (command.PolicyDigest != state.Access.Policy?.Digest) yield return "the answer is signed for another policy than the one in force";
        if (command.ModelDigest != asked.ModelDigest) yield return "the answer is signed for another model";
        if (command.Machine != asked.Machine) yield return "the answer is signed for another machine";
        if (command.Measurement != asked.Measurement) yield return "the answer is signed for another measurement";
        if (command.Purpose != asked.Purpose) yield return "the answer is signed for another purpose";
        if (command.LeaseSeconds != asked.LeaseSeconds) yield return "the answer is signed for another lease";
    }

    /// <summary>A refusal stands for ever, so it is for those whose yes is asked and those who may stop anything; asked once, when it is written.</summary>
    private static bool MayRefuse(LedgerState state, ReleaseRequest asked, string person) =>
        person == asked.OpenedBy
        || (state.Access.ActivePerson(person) is { } known
            && (known.IsIn(Groups.Administrators) || state.Access.Policy?.Policy.GroupsAsked(asked.Model, asked.Purpose).Any(known.IsIn) == true));

    private static IEnumerable<string> NotOneMorePerson(LedgerState state, Request request, Approval command, DateTimeOffset now)
    {
        if (command.Decision == Answer.Approve && command.By == request.Asked.OpenedBy) yield return "nobody approves a request of their own";
        foreach (var given in request.Approvals.Where(given => given.Command.By == command.By))
        {
            if (given.Command.Decision == Answer.Refuse) yield return "this person has refused the request: a refusal stands, a new request may be opened";
            else if (command.Decision == Answer.Approve && Stands(state, given, now)) yield return "this person has approved the request: nobody approves twice";
        }
    }

    /// <summary>An approval that is spent, expired or of an earlier policy no longer counts, so its person may give a new one.</summary>
    internal static bool Stands(LedgerState state, GivenApproval given, DateTimeOffset now) =>
        given.ConsumedBy is null && given.Command.Expires > now && given.Command.PolicyDigest == state.Access.Policy?.Digest;
}
