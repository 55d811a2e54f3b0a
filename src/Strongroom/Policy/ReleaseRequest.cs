using Strongroom.Bytes;

namespace Strongroom.Policy;

/// <summary>What a person asked for: the key of one model, for one machine as it boots today, for one purpose, for a while.</summary>
/// <param name="Id"><c>request-</c> and 32 hexadecimal digits.</param>
/// <param name="Digest">SHA-256 of the canonical JSON of the command that opened it; what approvers sign.</param>
/// <param name="Measurement">The machine's boot measurement that the asker saw.</param>
/// <param name="Files">The files whose keys are asked for; null is the whole model.</param>
/// <param name="LeaseSeconds">How long the key may live before fresh evidence renews it.</param>
public sealed record ReleaseRequest(
    string Id,
    Digest Digest,
    string Model,
    long Version,
    Digest ModelDigest,
    string Machine,
    Digest Measurement,
    string Purpose,
    IReadOnlyList<string>? Files,
    string OpenedBy,
    DateTimeOffset OpenedAt,
    DateTimeOffset Expires,
    long LeaseSeconds);
