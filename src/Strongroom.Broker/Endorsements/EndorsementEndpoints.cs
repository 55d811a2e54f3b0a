using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Broker.Access;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Endorsements;

/// <summary>Vendors' collateral on record: what evidence of TEEs is judged with.</summary>
internal static class EndorsementEndpoints
{
    public static void MapEndorsements(this IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("/v1/endorsements").WithTags("Endorsements");
        group.MapGet("", OnRecord).WithSummary("The bundle of endorsements that counts now; its bytes are the blob of its digest").Refuses(404);
        group.MapPost("", Record).TakesSignedUpTo(Listener.MaxBundleBodySizeInBytes).ProvesCaller().WithSummary("Put a bundle of endorsements on record: signed command and bundle").Refuses(400, 401, 403, 413, 503);
    }

    private static async Task<Results<Ok<CommandReply>, Accepted<CommandReply>, ProblemHttpResult>> Record(
        EndorsementUpload upload, Journal journal, Strangers strangers, EndorsementShelf shelf, CancellationToken cancel)
    {
        if (upload.Command.Command is not RecordEndorsements record) return Problem.Malformed.Because("the command is not endorsements/record.v1");
        if (Commands.Malformed(upload.Command) is { } malformed) return malformed;
        // Asked before anything is parsed for whoever may not record any, and once more when it is written.
        var refused = journal.Read((state, now) => state.Refusals(upload.Command, now)).Count > 0;
        return await Commands.WriteAsync(
            journal, strangers, upload.Command, refused ? Enclosures.Read(record, []) : Enclosures.Read(record, [upload.Bundle], await shelf.OnRecordAsync(journal.State, cancel)), cancel);
    }

    private static Results<Ok<EndorsementsReply>, ProblemHttpResult> OnRecord(Journal journal) => journal.State.Endorsements.Latest is { } latest
        ? TypedResults.Ok(new EndorsementsReply(latest.Digest, latest.Collector, latest.Collected, latest.At, latest.Index))
        : Problem.NotFound.Because("no endorsements are on record: evidence of a TEE cannot be judged until an operator records a bundle of a recorded collector");
}
