using System.Text.Json.Serialization;
using Strongroom.Bytes;
using Strongroom.Enclave.Gateway;

namespace Strongroom.Enclave.Control;

/// <summary>
/// The control plane, on a listener of its own: how the lease stands, and an end on demand. It has no reference to model, gateway or memory: what it
/// cannot reach it cannot carry (spec/inference-api.md, Control plane).
/// </summary>
public static class ControlEndpoints
{
    /// <param name="app">The control listener.</param>
    /// <param name="state">What may be told.</param>
    /// <param name="keys">Of the operators; clients of the gateway have others.</param>
    /// <param name="end">Begins the end: wipe and exit.</param>
    public static void MapControl(this WebApplication app, EnclaveState state, ClientKeys keys, Action end) => app.Run(async http =>
    {
        var (method, path) = (http.Request.Method, http.Request.Path.Value);
        var known = path is "/health" or "/v1/state" or "/v1/shutdown";
        var wanted = path == "/v1/shutdown" ? "POST" : "GET";
        http.Response.StatusCode = !known ? 404
            : method != wanted ? 405
            : path != "/health" && !keys.Admits(http.Request.Headers.Authorization) ? 401
            : path == "/v1/shutdown" ? 202
            : 200;
        if (http.Response.StatusCode == 200 && path == "/health") await http.Response.WriteAsync("ok\n");
        if (http.Response.StatusCode == 200 && path == "/v1/state") await http.Response.WriteAsJsonAsync(state.Reply(), ControlJson.Default.StateReply);
        if (http.Response.StatusCode == 202)
        {
            await http.Response.CompleteAsync();
            end();
        }
    });
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StateReply))]
internal sealed partial class ControlJson : JsonSerializerContext;
