using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Attestation;
using Strongroom.Bytes;
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
        group.MapGet("/measurements/{digest}", Measured).WithSummary("What a machine measured: the canonical JSON that has this SHA-256").Refuses(400, 404);
    }

    private static Ok<IReadOnlyList<ReferenceDetails>> List([AsParameters] Page page, Journal journal)
    {
        var access = journal.State.Access;
        return page.Of(access.ReferencesInOrder, access.References, set => new ReferenceDetails(set.Values.Name, set.Values.Kind, set.Values.Version, set.Values.Values, set.Index));
    }

    private static async Task<Results<FileContentHttpResult, ProblemHttpResult>> Measured(string digest, LedgerStore ledger, CancellationToken cancel)
    {
        if (await ledger.ReadBlobAsync(Digest.Parse(digest), cancel) is { } bytes && IsMeasurement(bytes.Span)) return TypedResults.Bytes(bytes.ToArray(), "application/json");
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
