using System.Text.Json;

namespace Strongroom.Enclave.Gateway;

/// <summary>A refusal in the shape that clients of the inference API expect (spec/inference-api.md, Errors). Never carries a word of a prompt or an answer.</summary>
/// <param name="status">The HTTP status.</param>
/// <param name="message">For the caller, in words.</param>
/// <param name="code">A stable name, null where that API has none.</param>
/// <param name="parameter">The member of the request that is at fault.</param>
internal sealed class ApiException(int status, string message, string? code = null, string? parameter = null) : Exception(message)
{
    internal int Status { get; } = status;

    internal string? Code { get; } = code;

    internal static ApiException Invalid(string message, string? parameter = null, string? code = null) => new(400, message, code, parameter);

    internal static async Task WriteAsync(HttpResponse response, ApiException error)
    {
        response.StatusCode = error.Status;
        response.ContentType = "application/json";
        if (error.Status is 429 or 503) response.Headers.RetryAfter = "1";
        if (error.Status == 401) response.Headers.WWWAuthenticate = "Bearer";
        using (var json = new Utf8JsonWriter(response.BodyWriter)) error.Write(json);
        await response.BodyWriter.FlushAsync();
    }

    internal void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartObject("error");
        json.WriteString("message", Message);
        json.WriteString("type", Status switch { 429 => "rate_limit_error", >= 500 => "server_error", _ => "invalid_request_error" });
        json.WriteString("param", parameter);
        json.WriteString("code", Code);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
