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
        var isOperator = keys.Admits(http.Request.Headers.Authorization);
        if (isOperator) http.ShowedKey();
        switch (http.Request.Method, http.Request.Path.Value)
        {
            case ("GET", "/health"):
                await http.Response.WriteAsync("ok\n");
                break;
            case ("GET", "/v1/state") when isOperator:
                await http.Response.WriteAsJsonAsync(state.Reply(), ControlJson.Default.StateReply);
                break;
            case ("POST", "/v1/shutdown") when isOperator:
                http.Response.StatusCode = StatusCodes.Status202Accepted;
                await http.Response.CompleteAsync();
                end();
                break;
            case ("GET", "/v1/state") or ("POST", "/v1/shutdown"):
                http.Response.StatusCode = StatusCodes.Status401Unauthorized;
                break;
            default:
                http.Response.StatusCode = StatusCodes.Status404NotFound;
                break;
        }
    });
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StateReply))]
internal sealed partial class ControlJson : JsonSerializerContext;
