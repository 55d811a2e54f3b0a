using System.Globalization;
using System.Text.Json.Nodes;
using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Cli.Approving;

/// <summary>
/// How the machine that a request names differs from the last one that people approved for the same model, else from how the same machine was approved last.
/// Worked out here: the release is proved in the witnessed ledger, and each measurement has the digest that the release and the request name. That no later
/// release came is the broker's word.
/// </summary>
/// <param name="Since">The release compared with; null if there was none.</param>
/// <param name="Unknown">A measurement that nobody can show; null if both are known.</param>
/// <param name="Claims">What differs, or all there is where nothing was released before; empty where something is unknown.</param>
/// <param name="Same">How many claims are the same.</param>
/// <param name="Machine">That it was another machine; null if it was this one, or nothing was released before.</param>
internal sealed record WhatChanged(Released? Since, Digest? Unknown, IReadOnlyList<ClaimChange> Claims, int Same, long? Index, MachineChange? Machine = null)
{
    private const int OneLine = 60; // two values that long and a name fit into a terminal's width; two hashes do not

    /// <exception cref="RefusedException">The broker shows what is not so.</exception>
    internal static async Task<WhatChanged> SinceLastReleaseAsync(Session session, RequestDetails request, CancellationToken cancel)
    {
        var since = request.LastRelease is { } index ? await ReleaseAsync(session, request, index, cancel) : null;
        var machine = since is null ? null : await MachineChange.BetweenAsync(session, since.Machine, request.Command.Machine, cancel);
        return await MeasuredAsync(session, request, since, cancel) with { Machine = machine };
    }

    private static async Task<WhatChanged> MeasuredAsync(Session session, RequestDetails request, Released? since, CancellationToken cancel)
    {
        var (was, becomes) = (since?.Measurement, request.Command.Measurement);
        if (await session.Broker.MeasurementAsync(becomes, cancel) is not { } after) return new(since, becomes, [], 0, request.LastRelease);
        if (was is null) return new(null, null, [.. after.Claims.OrderBy(claim => claim.Key, StringComparer.Ordinal).Select(claim => new ClaimChange(claim.Key, null, claim.Value))], 0, null);
        if (await session.Broker.MeasurementAsync(was.Value, cancel) is not { } before) return new(since, was, [], 0, request.LastRelease);
        var changes = ClaimChange.Between(before, after);
        return new(since, null, changes, after.Claims.Keys.Except(changes.Select(change => change.Claim)).Count(), request.LastRelease);
    }

    internal IReadOnlyList<string> Words => [Heading, .. (Machine?.Words ?? []).Select(line => "  " + line), .. Claims.SelectMany(Lines).Concat(Conclusion).Select(line => "  " + line)];

    internal JsonObject ToJson()
    {
        var json = new JsonObject { ["claims"] = new JsonArray([.. Claims.Select(Json)]), ["same"] = Same };
        if (Unknown is { } digest) json["unknown"] = digest.ToString();
        if (Machine is { } machine) json["machine_changed"] = machine.ToJson();
        if (Since is { } release)
        {
            json["since"] = new JsonObject
            {
                ["index"] = Index, ["at"] = Timestamp.Format(release.At), ["machine"] = release.Machine, ["model"] = release.Model, ["version"] = release.Version,
                ["measurement"] = release.Measurement.ToString(),
            };
        }
        return json;
    }

    private string Heading => Since is { } release
        ? $"What changed since the last approved machine ({release.Machine}, {release.Model} version {release.Version}, {Timestamp.Format(release.At)}, ledger entry {Index}; that it was the last is the broker's word):"
        : "According to the broker the model was never released before, nor anything on this machine; there is nothing to compare with. The machine measures:";

    private IEnumerable<string> Conclusion
    {
        get
        {
            if (Unknown is { } digest) yield return $"UNKNOWN: nobody can show what the measurement {digest} stands for. Approve only if you know it from elsewhere.";
            else if (Since is not null) yield return (Claims, Machine) is ({ Count: 0 }, null) ? "nothing: it measures the same" : Claims.Count == 0 ? "what it measures is the same" : string.Create(CultureInfo.InvariantCulture, $"{Same} other claims are the same");
        }
    }

    private static async Task<Released> ReleaseAsync(Session session, RequestDetails request, long index, CancellationToken cancel)
    {
        var open = request.Command;
        return Released.Of(await session.RecordAsync(index, cancel)) is { } release && release.Request != request.Request && (release.Model == open.Model || release.Machine == open.Machine)
            ? release
            : throw new RefusedException($"what the broker calls the last release, ledger entry {index}, is none that this request could be compared with: sign nothing, and ask who runs the broker");
    }

    private IEnumerable<string> Lines(ClaimChange change)
    {
        var (before, after) = (change.Before ?? "absent", change.After ?? "absent");
        if (Since is null) return [$"{change.Claim} {after}"];
        return before.Length + after.Length <= OneLine ? [$"{change.Claim}: {before} -> {after}"] : [$"{change.Claim}:", $"  before {before}", $"  now    {after}"];
    }

    private static JsonObject Json(ClaimChange change)
    {
        var json = new JsonObject { ["claim"] = change.Claim };
        if (change.Before is { } before) json["before"] = before;
        if (change.After is { } after) json["after"] = after;
        return json;
    }
}
