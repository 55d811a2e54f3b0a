using System.Text.Json;
using Strongroom.Bytes;

namespace Strongroom.Enclave.Gateway;

/// <summary>The data plane: the paths of that API, its errors, its keys. Nothing of the control plane is here (spec/inference-api.md).</summary>
public static class GatewayEndpoints
{
    public static void MapGateway(this WebApplication app, Completions completions, ClientKeys keys)
    {
        ArgumentNullException.ThrowIfNull(completions);
        app.Run(http => RefusingAsync(http, () => RouteAsync(http, completions, keys)));
    }

    private static Task RouteAsync(HttpContext http, Completions completions, ClientKeys keys)
    {
        var (method, path) = (http.Request.Method, http.Request.Path.Value ?? "");
        if (path == "/health") return OnlyAsync(method, "GET", () => WriteAsync(http, json => json.WriteString("status", "ok")));
        if (!keys.Admits(http.Request.Headers.Authorization)) throw new ApiException(401, "Incorrect API key provided.", "invalid_api_key");
        http.ShowedKey();
        return path switch
        {
            "/v1/models" => OnlyAsync(method, "GET", () => WriteModelsAsync(http, completions)),
            _ when path == "/v1/models/" + completions.Name => OnlyAsync(method, "GET", () => WriteAsync(http, json => WriteModel(json, completions))),
            "/v1/completions" => OnlyAsync(method, "POST", () => completions.AnswerAsync(CompletionKind.Text, http)),
            "/v1/chat/completions" => OnlyAsync(method, "POST", () => completions.AnswerAsync(CompletionKind.Chat, http)),
            _ when path.StartsWith("/v1/models/", StringComparison.Ordinal) => throw new ApiException(404, "The model does not exist or you do not have access to it.", "model_not_found", "model"),
            _ => throw new ApiException(404, "Unknown request URL.", "unknown_url"),
        };
    }

    private static Task OnlyAsync(string method, string allowed, Func<Task> answer) =>
        method == allowed ? answer() : throw new ApiException(405, $"Not allowed to {method} here, only to {allowed}.", "method_not_supported");

    /// <summary>Every failure leaves in that API's shape; what an exception says is never part of it, because it might quote a prompt.</summary>
    private static async Task RefusingAsync(HttpContext http, Func<Task> answer)
    {
        try
        {
            await answer();
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // Nobody is left to answer.
        }
        catch (Exception e)
        {
            await RefuseAsync(http, Outcome(e));
        }
    }

    private static ApiException Outcome(Exception e) => e switch
    {
        ApiException refusal => refusal,
        BadHttpRequestException { StatusCode: 413 } => new(413, "The request is too large.", "request_too_large"),
        BadHttpRequestException bad => new(bad.StatusCode, "The request is not HTTP as this server reads it."),
        OperationCanceledException => new(503, "The enclave is ending.", "shutting_down"),
        UnavailableException or OutOfMemoryException => new(503, "There is no protected memory for this request now.", "overloaded"),
        _ => new(500, "The enclave failed on this request.", "internal_error"),
    };

    private static async Task RefuseAsync(HttpContext http, ApiException error)
    {
        if (!http.Response.HasStarted)
        {
            await ApiException.WriteAsync(http.Response, error);
            return;
        }
        if (http.Response.ContentType != CompletionReply.EventStream)
        {
            http.Abort(); // half a document, and an end that nobody can take for its own
            return;
        }
        CompletionReply.WriteError(http.Response.BodyWriter, error);
        await http.Response.BodyWriter.FlushAsync();
    }

    private static Task WriteModelsAsync(HttpContext http, Completions completions) => WriteAsync(http, json =>
    {
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        json.WriteStartObject();
        WriteModel(json, completions);
        json.WriteEndObject();
        json.WriteEndArray();
    });

    private static void WriteModel(Utf8JsonWriter json, Completions completions)
    {
        json.WriteString("id", completions.Name);
        json.WriteString("object", "model");
        json.WriteNumber("created", completions.Created.ToUnixTimeSeconds());
        json.WriteString("owned_by", "strongroom");
    }

    private static async Task WriteAsync(HttpContext http, Action<Utf8JsonWriter> members)
    {
        http.Response.ContentType = "application/json";
        using (var json = new Utf8JsonWriter(http.Response.BodyWriter))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }
        await http.Response.BodyWriter.FlushAsync();
    }
}
