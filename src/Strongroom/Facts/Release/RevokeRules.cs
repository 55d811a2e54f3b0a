namespace Strongroom.Facts;

/// <summary>Rules for taking back. One person is enough, because it can only make the system release less; but it cannot lock everybody out.</summary>
internal static class RevokeRules
{
    public static IEnumerable<string> Refusals(LedgerState state, Revoke command)
    {
        foreach (var reason in Rules.WellFormedText("a reason", command.Reason)) yield return reason;
        if (NotThere(state, command.Target) is { } what) yield return what;
        if (state.Access.People.ContainsKey(command.Target))
        {
            foreach (var reason in Rules.NeedsGroup(state, command.By, Groups.Administrators)) yield return reason;
            if (state.Access.ActivePerson(command.Target)?.IsIn(Groups.Administrators) == true && state.Access.ActiveAdministrators(without: command.Target) < 2)
                yield return "fewer than two administrators would be left, and nobody could change anything any more";
        }
        else if (state.Requests.Find(command.Target)?.Asked.OpenedBy != command.By)
        {
            foreach (var reason in Rules.NeedsGroup(state, command.By, Groups.Administrators, Groups.Operators)) yield return reason;
        }
    }

    private static string? NotThere(LedgerState state, string target)
    {
        if (state.Access.People.TryGetValue(target, out var person)) return person.Active ? null : $"{target} has left already";
        if (state.Machines.Find(target) is { } machine) return machine.Revoked ? $"{target} is revoked already" : null; // a retired one too: its parts could come back else
        if (state.Models.Versions.TryGetValue(target, out var model)) return model.Withdrawn ? $"{target} is withdrawn already" : null;
        if (state.Requests.Find(target) is { } request) return request.Revoked ? $"{target} is revoked already" : null;
        if (state.Release.Find(target) is { } lease) return lease.Ended is null ? null : $"{target} is over already";
        return $"there is nothing called {target}";
    }
}
