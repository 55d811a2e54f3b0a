using Strongroom.Broker.People;
using Strongroom.Facts;
using Strongroom.Policy;
using Strongroom.Protocol;

namespace Strongroom.Broker.Approvals;

/// <summary>How a request stands while people decide: what the policy in force says of it before any machine has given evidence.</summary>
internal static class Requests
{
    public static RequestDetails Details(LedgerState state, Request request, Reader reader, DateTimeOffset now)
    {
        var findings = Explain(state, request, now);
        var (reasons, missing) = (Words(findings, FindingOutcome.Refused), Words(findings, FindingOutcome.Missing));
        return new(
            request.Id, request.Command, request.Digest, request.Index, Status(request, reasons, missing, now),
            [.. request.Approvals.Select(given => Details(state, given, reader, now))], state.Access.Policy?.Digest, reader.NameOf(request.Command.By),
            missing, reasons.Count == 0 ? null : reasons, request.Leases.IsEmpty ? null : request.Leases,
            state.Release.LastBesides(request)?.Index);
    }

    /// <summary>What people still have to do, or why nothing that they do will help; empty when the machine's evidence alone is missing.</summary>
    public static IReadOnlyList<string> Missing(LedgerState state, Request request, DateTimeOffset now)
    {
        var findings = Explain(state, request, now);
        return [.. Words(findings, FindingOutcome.Refused), .. Words(findings, FindingOutcome.Missing)];
    }

    /// <summary>What each rule found; the evidence, which comes last and from a machine, is not asked for here.</summary>
    public static IReadOnlyList<Finding> Explain(LedgerState state, Request request, DateTimeOffset now) => state.Access.Policy is { } policy
        ? [.. policy.Policy.Explain(request.Asked, null, state.FactsFor(request.Asked, null), now).Where(finding => finding is not { Check: "evidence", Outcome: FindingOutcome.Missing })]
        : [new("", "policy in force", FindingOutcome.Missing, "no policy is in force: nothing is released until two people set one")];

    private static IReadOnlyList<string> Words(IReadOnlyList<Finding> findings, FindingOutcome outcome) =>
        [.. findings.Where(finding => finding.Outcome == outcome).Select(finding => finding.Words)];

    private static RequestStatus Status(Request request, IReadOnlyList<string> reasons, IReadOnlyList<string> missing, DateTimeOffset now) =>
        request.Revoked ? RequestStatus.Revoked
        : request.Asked.Expires <= now ? RequestStatus.Expired
        : reasons.Count > 0 ? RequestStatus.Denied
        : missing.Count > 0 ? RequestStatus.Pending
        : RequestStatus.Ready;

    private static ApprovalDetails Details(LedgerState state, GivenApproval given, Reader reader, DateTimeOffset now) => new(
        given.Command.By, given.Command.Decision, given.At, given.Command.Expires, given.Index, given.ConsumedBy is not null,
        given.ConsumedBy is null && given.Command.Expires > now && given.Command.PolicyDigest == state.Access.Policy?.Digest && state.Access.ActivePerson(given.Command.By) is not null,
        reader.NameOf(given.Command.By));
}
