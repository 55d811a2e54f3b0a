using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Broker.Ledger;

/// <summary>The ledger as any C2SP client reads it (tlog-tiles), and the blobs that its entries name. Public: it holds no names and no keys.</summary>
internal static class LedgerEndpoints
{
    private const string Binary = "application/octet-stream";
    private const string Immutable = "public, max-age=31536000, immutable";

    public static void MapLedger(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/checkpoint", Checkpoint).WithName("checkpoint");
        routes.MapGet("/tile/{**rest}", Tile).WithName("tile").Produces<Stream>(StatusCodes.Status200OK, Binary); // which the results themselves do not tell the document
        routes.MapGet("/blob/{sha256}", Blob).WithName("blob").Produces<Stream>(StatusCodes.Status200OK, Binary).RequireRateLimiting(Limits.Blobs);
    }

    private static ContentHttpResult Checkpoint(LedgerStore ledger, HttpResponse response)
    {
        response.Headers.CacheControl = "no-cache";
        return TypedResults.Text(ledger.Checkpoint.Note.ToString(), "text/plain; charset=utf-8");
    }

    private static async Task<Results<FileContentHttpResult, NotFound>> Tile(string rest, LedgerStore ledger, HttpResponse response, CancellationToken cancel)
    {
        TilePath tile;
        try
        {
            tile = TilePath.Parse($"tile/{rest}");
        }
        catch (MalformedException)
        {
            return TypedResults.NotFound(); // tiles are files to their readers: a name that no tile can have is not there
        }
        if (await ledger.ReadTileAsync(tile, cancel) is not { } bytes) return TypedResults.NotFound();
        response.Headers.CacheControl = Immutable;
        return TypedResults.Bytes(bytes, Binary);
    }

    /// <summary>Some are 16 MiB long, and whoever asks may take his time: a reader costs a piece, and one address has so many readers.</summary>
    private static async Task<Results<PushStreamHttpResult, NotFound>> Blob(string sha256, LedgerStore ledger, HttpResponse response, CancellationToken cancel)
    {
        var digest = Digest.Parse(sha256);
        if (await ledger.BlobLengthAsync(digest, cancel) is not { } length) return TypedResults.NotFound();
        (response.Headers.CacheControl, response.ContentLength) = (Immutable, length);
        return TypedResults.Stream(
            async body =>
            {
                await foreach (var piece in ledger.ReadBlobInPiecesAsync(digest, cancel)) await body.WriteAsync(piece, cancel);
            },
            Binary);
    }
}
