using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Broker.People;
using Strongroom.Policy;
using Strongroom.Protocol;

namespace Strongroom.Broker.Approvals;

/// <summary>Requests and who answered them. They are opened and answered by signed commands (POST /v1/commands) and read here.</summary>
internal static class ApprovalsEndpoints
{
    public static void MapApprovals(this IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("/v1/requests").WithTags("Approvals");
        group.MapGet("", List).WithSummary("Requests, page by page; names only for signed requests").Refuses(400, 401);
        group.MapGet("/{request}", Show).WithSummary("One request, with what its approvers sign").Refuses(401, 404);
        group.MapGet("/{request}/explanation", Explain).WithSummary("What each rule of the policy found").Refuses(404);
    }

    private static Ok<IReadOnlyList<RequestDetails>> List([AsParameters] Page page, Journal journal, Reader reader, TimeProvider clock)
    {
        var (state, now) = (journal.State, clock.GetUtcNow());
        return page.Of(state.Requests.InOrder, state.Requests.Requests, request => Requests.Details(state, request, reader, now));
    }

    private static Results<Ok<RequestDetails>, ProblemHttpResult> Show(string request, Journal journal, Reader reader, TimeProvider clock)
    {
        var state = journal.State;
        return state.Requests.Find(request) is { } found
            ? TypedResults.Ok(Requests.Details(state, found, reader, clock.GetUtcNow()))
            : Problem.NotFound.Because($"there is no {request}");
    }

    private static Results<Ok<ExplanationReply>, ProblemHttpResult> Explain(string request, Journal journal, TimeProvider clock)
    {
        var (state, now) = (journal.State, clock.GetUtcNow());
        if (state.Requests.Find(request) is not { } found) return Problem.NotFound.Because($"there is no {request}");
        return TypedResults.Ok(new ExplanationReply(
            request,
            [.. from finding in Requests.Explain(state, found, now) select new ExplainedCheck(finding.Rule, finding.Check, Word(finding.Outcome), finding.Words)]));
    }

    private static string Word(FindingOutcome outcome) => outcome switch
    {
        FindingOutcome.Met => "met",
        FindingOutcome.Missing => "missing",
        FindingOutcome.Refused => "refused",
        _ => "not_applicable",
    };
}
