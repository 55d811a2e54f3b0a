using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Broker.People;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Access;

/// <summary>Who rules: every signed command enters here, and what defines trust is read here.</summary>
internal static class AccessEndpoints
{
    public static void MapAccess(this IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("/v1").WithTags("Access");
        group.MapPost("/commands", Command).ProvesCaller().WithSummary("Write a signed command; 202 when it still needs other people").Refuses(400, 403, 503);
        group.MapGet("/proposals", Proposals).WithSummary("Changes of trust that wait for a second administrator, page by page").Refuses(400, 401);
        group.MapGet("/policy", Policy).WithSummary("The release policy in force").Refuses(404);
    }

    private static async Task<Results<Ok<CommandReply>, Accepted<CommandReply>, ProblemHttpResult>> Command(
        SignedCommand signed, Journal journal, Strangers strangers, CancellationToken cancel) => signed.Command switch
        {
            AddModel => Problem.Malformed.Because("a model comes with its manifest and recipients: POST /v1/models"),
            RecordEndorsements => Problem.Malformed.Because("endorsements come with their bundle: POST /v1/endorsements"),
            EnrolMachine => Problem.Malformed.Because("a machine comes with the answer to its challenge: POST /v1/machines"),
            ProposeChange { Change: SetReference { Corim: not null } } => Problem.Malformed.Because("reference values that a CoRIM vouches for come with it: POST /v1/references"),
            _ => await Commands.WriteAsync(journal, strangers, signed, Enclosures.Read(signed.Command, []), cancel),
        };

    private static Ok<IReadOnlyList<ProposalDetails>> Proposals([AsParameters] Page page, Journal journal, Reader reader)
    {
        var access = journal.State.Access;
        return page.Of(access.ProposalsInOrder, access.Proposals, proposal => new ProposalDetails(
            Ids.Proposal(proposal.Command), proposal.Command, proposal.Digest, proposal.Index, reader.NameOf(proposal.Command.By)));
    }

    private static Results<Ok<PolicyReply>, ProblemHttpResult> Policy(Journal journal) => journal.State.Access.Policy is { } policy
        ? TypedResults.Ok(new PolicyReply(policy.Document, policy.Digest, policy.Index, policy.Proposed))
        : Problem.NotFound.Because("no policy is in force: nothing is released until two people set one");
}
