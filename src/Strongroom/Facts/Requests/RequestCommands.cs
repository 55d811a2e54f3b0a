using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>Asks for the key of one model version for one machine as it boots today, for one purpose, for a while.</summary>
/// <param name="Measurement">The boot measurement that the asker saw and the approvers will be shown.</param>
/// <param name="Purpose">In words. No personal data: the ledger never forgets.</param>
/// <param name="LeaseSeconds">How long the key lives before fresh evidence must renew it.</param>
/// <param name="Expires">After this time nothing is released or renewed on this request.</param>
/// <param name="Files">The files whose keys are asked for, in the manifest's order; absent is the whole model.</param>
public sealed record OpenRequest(
    string Ledger, string Id, string By, DateTimeOffset At, string Model, long Version, Digest ModelDigest, string Machine, Digest Measurement,
    string Purpose, long LeaseSeconds, DateTimeOffset Expires, IReadOnlyList<string>? Files = null)
    : Command(Ledger, Id, By, At);

/// <summary>
/// One person's answer to a request. Everything that the person was shown is inside the signature, so that it answers this request, under this policy,
/// for this machine as measured, and no other.
/// </summary>
/// <param name="RequestDigest">Digest of the command that opened the request.</param>
/// <param name="PolicyDigest">Digest of the policy in force when the person decided.</param>
/// <param name="Expires">The answer counts until then; not after the request's own expiry.</param>
public sealed record Approval(
    string Ledger, string Id, string By, DateTimeOffset At, Answer Decision, string Request, Digest RequestDigest, Digest PolicyDigest, Digest ModelDigest,
    string Machine, Digest Measurement, string Purpose, long LeaseSeconds, DateTimeOffset Expires)
    : Command(Ledger, Id, By, At);

[JsonConverter(typeof(JsonStringEnumConverter<Answer>))]
public enum Answer
{
    [JsonStringEnumMemberName("approve")]
    Approve,

    [JsonStringEnumMemberName("refuse")]
    Refuse,
}
