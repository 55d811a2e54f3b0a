using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Broker.Access;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Keys;
using Strongroom.Protocol;
using Strongroom.Sealing;

namespace Strongroom.Broker.Models;

/// <summary>The sealed models that may be asked for: their manifests, and who can unwrap their keys.</summary>
internal static class ModelEndpoints
{
    public static void MapModels(this IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("/v1/models").WithTags("Models");
        group.MapPost("", Add).TakesSignedUpTo(Listener.MaxManifestBodySizeInBytes).ProvesCaller().WithSummary("Make a sealed model known: signed command, manifest and recipients").Refuses(400, 401, 403, 413, 503);
        group.MapGet("", List).WithSummary("Versions of models, page by page").Refuses(400);
        group.MapGet("/{model}/{version:long}/manifest", Manifest).Produces(200, contentType: "application/json").WithSummary("The manifest as its publisher signed it").Refuses(404);
    }

    private static async Task<Results<Ok<CommandReply>, Accepted<CommandReply>, ProblemHttpResult>> Add(
        ModelUpload upload, Journal journal, Strangers strangers, ModelShelf shelf, KeyProvider custody, CancellationToken cancel)
    {
        if (upload.Command.Command is not AddModel add) return Problem.Malformed.Because("the command is not model/add.v1");
        if (Commands.Malformed(upload.Command) is { } malformed) return malformed;
        // Asked before anything is parsed or stored for whoever may not add a model, and once more when it is written.
        if (journal.Read((state, now) => state.Refusals(upload.Command, now)).Count > 0)
            return await Commands.WriteAsync(journal, strangers, upload.Command, Enclosures.Read(add, []), cancel);
        var enclosed = Enclosures.Read(add, [upload.Manifest]);
        var reasons = journal.Read((state, now) => enclosed.Refusals(state, add, now));
        if (reasons.Count == 0) reasons = await RefusalsAsync(upload.Recipients, add, custody, cancel);
        if (reasons.Count > 0) return Problem.Refused.Because(reasons);
        shelf.Put(upload.Manifest, add.ModelDigest, upload.Recipients);
        return await Commands.WriteAsync(journal, strangers, upload.Command, enclosed, cancel);
    }

    /// <summary>A model whose key this broker cannot unwrap would be found out at the first release, in the night before it is needed.</summary>
    private static async Task<IReadOnlyList<string>> RefusalsAsync(ReadOnlyMemory<byte> recipients, AddModel add, KeyProvider custody, CancellationToken cancel)
    {
        if (Digest.Of(recipients.Span) != add.RecipientsDigest) return ["the command is signed for other recipients"];
        try
        {
            (await custody.UnwrapModelKeyAsync(Recipients.Parse(recipients.Span, add.ModelDigest), cancel)).Dispose();
            return [];
        }
        catch (RefusedException e)
        {
            return e.Reasons;
        }
        catch (AuthenticationTagMismatchException e)
        {
            return [e.Message];
        }
    }

    private static Ok<IReadOnlyList<ModelDetails>> List([AsParameters] Page page, Journal journal)
    {
        var models = journal.State.Models;
        return page.Of(models.InOrder, models.Versions, model => new ModelDetails(
            model.Model, model.Version, model.Command.Publisher, model.Digest, model.Command.RecipientsDigest, model.At, model.Index, model.Withdrawn));
    }

    private static Results<FileContentHttpResult, ProblemHttpResult> Manifest(string model, long version, Journal journal, ModelShelf shelf) =>
        journal.State.Models.Find(model, version) is { } found && shelf.Manifest(found.Digest) is { } bytes
            ? TypedResults.Bytes(bytes, "application/json")
            : Problem.NotFound.Because($"there is no version {version} of {model}");
}
