namespace Strongroom.Enclave.Gateway;

/// <summary>What one client can make the enclave do (spec/inference-api.md, Limits).</summary>
public sealed record GatewayLimits
{
    /// <summary>Of a request's body.</summary>
    public int MaxRequestBytes { get; init; } = 1 << 20;

    /// <summary>Of an answer, also where the request names more.</summary>
    public int MaxTokens { get; init; } = 4096;

    /// <summary>Answers being made at once; each one uses every core already.</summary>
    public int MaxConcurrent { get; init; } = 1;

    /// <summary>Requests that arrive or wait for their turn; the next one is told to come back before anything of it is kept.</summary>
    public int MaxWaiting { get; init; } = 16;

    /// <summary>At once that showed a key, and as many that have not yet.</summary>
    public int MaxConnections { get; init; } = 128;

    /// <summary>From a request's headers to the end of its body.</summary>
    public TimeSpan MaxArrival { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>From a request's turn to its last token; an answer that takes longer ends there, as if at its token limit.</summary>
    public TimeSpan MaxDuration { get; init; } = TimeSpan.FromMinutes(2);
}
