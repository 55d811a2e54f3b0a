using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Attestation;
using Strongroom.Broker.Access;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Ledger;
using Strongroom.Protocol;

namespace Strongroom.Broker.References;

/// <summary>What good machines measure, and what machines did measure: who reads it compares the digest, and need not believe this broker.</summary>
internal static class ReferenceEndpoints
{
    public static void MapReferences(this IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("/v1").WithTags("References");
        group.MapGet("/references", List).WithSummary("The sets of reference values on record, page by page").Refuses(400);
        group.MapPost("/references", Propose).TakesUpTo(Listener.MaxCorimBodySizeInBytes).ProvesCaller()
            .WithSummary("Propose reference values that a signed CoRIM vouches for; 202, since a second administrator has to approve them").Refuses(400, 403, 413, 503);
        group.MapGet("/measurements/{digest}", Measured).WithSummary("What a machine measured: the canonical JSON that has this SHA-256")
            .Produces<CanonicalDocument>(StatusCodes.Status200OK).Refuses(400, 404);
    }

    private static Ok<IReadOnlyList<ReferenceDetails>> List([AsParameters] Page page, Journal journal)
    {
        var access = journal.State.Access;
        return page.Of(access.ReferencesInOrder, access.References, set => new ReferenceDetails(
            set.Values.Name, set.Values.Kind, set.Values.Version, set.Values.Values, set.Index, set.Proposed, set.Corim));
    }

    private static async Task<Results<Ok<CommandReply>, Accepted<CommandReply>, ProblemHttpResult>> Propose(
        ReferenceUpload upload, Journal journal, Strangers strangers, CancellationToken cancel)
    {
        if (upload.Command.Command is not ProposeChange { Change: SetReference { Corim: not null } } propose) return Problem.Malformed.Because("the command proposes no reference values of a CoRIM");
        return await Commands.WriteAsync(journal, strangers, upload.Command, Enclosures.Read(propose, [upload.Corim]), cancel);
    }

    private static async Task<Results<FileContentHttpResult, ProblemHttpResult>> Measured(string digest, LedgerStore ledger, CancellationToken cancel)
    {
        if (await ledger.BlobLengthAsync(Digest.Parse(digest), cancel) <= EvidenceVerifier.MaxSizeInBytes // what is longer is none, and not read
            && await ledger.ReadBlobAsync(Digest.Parse(digest), cancel) is { } bytes && IsMeasurement(bytes.Span)) return TypedResults.Bytes(bytes.ToArray(), "application/json");
        return Problem.NotFound.Because($"no machine brought along the measurement {digest}");
    }

    /// <summary>Other things lie beside the ledger too.</summary>
    private static bool IsMeasurement(ReadOnlySpan<byte> blob)
    {
        try
        {
            Measurement.Parse(blob);
            return true;
        }
        catch (MalformedException)
        {
            return false;
        }
    }
}
