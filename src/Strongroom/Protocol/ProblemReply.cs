namespace Strongroom.Protocol;

/// <summary>Problem details (RFC 9457) as the broker writes them; <paramref name="Type"/> is a link into docs/problems.md.</summary>
/// <param name="Reasons">Every reason, one each; <paramref name="Detail"/> is the same in one line.</param>
public sealed record ProblemReply(
    string? Type = null, string? Title = null, int? Status = null, string? Detail = null, string? Instance = null, IReadOnlyList<string>? Reasons = null,
    bool? Development = null);
