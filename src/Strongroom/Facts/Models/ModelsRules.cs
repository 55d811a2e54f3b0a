namespace Strongroom.Facts;

/// <summary>Rules for models. That the manifest bears the publisher's signature: <see cref="Enclosures"/>.</summary>
internal static class ModelsRules
{
    public static IEnumerable<string> Refusals(LedgerState state, AddModel command)
    {
        foreach (var reason in Rules.NeedsGroup(state, command.By, Groups.Publishers, Groups.Operators)) yield return reason;
        foreach (var reason in Rules.WellFormedName("a model's name", command.Model)) yield return reason;
        if (command.Version < 1) yield return "a version is 1 or more";
        if (state.Models.LatestVersion(command.Model) is var latest && command.Version <= latest)
            yield return $"version {latest} of {command.Model} is on record: versions only rise";
        var before = state.Models.Find(command.Model, latest);
        if (before is not null && before.Command.Publisher != command.Publisher)
            yield return $"{command.Model} is published by {before.Command.Publisher}: another publisher's model has another name";
        if (!state.Access.Publishers.TryGetValue(command.Publisher, out var key)) yield return $"no publisher named {command.Publisher} is on record";
        // A publisher is a key. Who came back under the name with another one may be anybody, and does not inherit what policies say about the model.
        else if (before is not null && before.Command.Publisher == command.Publisher && !before.PublisherKey.Equals(key))
            yield return $"{command.Model} was signed by an earlier key of {command.Publisher}: a new key publishes models under new names";
    }
}
