using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>Rules for vendors' collateral. That the bundle bears its collector's signature: <see cref="Enclosures"/>.</summary>
internal static class EndorsementsRules
{
    public static IEnumerable<string> Refusals(LedgerState state, RecordEndorsements command, DateTimeOffset now)
    {
        foreach (var reason in Rules.NeedsGroup(state, command.By, Groups.Operators)) yield return reason;
        if (!state.Access.Collectors.ContainsKey(command.Collector)) yield return $"no collector named {command.Collector} is on record";
        if (command.Collected > now) yield return $"the bundle was collected at {Timestamp.Format(command.Collected)}, which is still to come";
        // An older one would bring back what has been revoked since.
        if (command.Collected <= state.Endorsements.Newest)
            yield return $"endorsements collected at {Timestamp.Format(state.Endorsements.Newest)} are on record: only newer ones follow";
    }
}
