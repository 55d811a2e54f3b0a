namespace Strongroom.Policy;

/// <summary>
/// Whether people who are all different can fill every place that the approval clauses ask for: a maximum bipartite matching, found by
/// augmenting paths. One person in two groups fills one place.
/// </summary>
internal static class Quorum
{
    /// <summary>For each clause how many people are still missing, zero if none.</summary>
    /// <param name="groupsOfPeople">The groups of each person; every person once.</param>
    internal static int[] Missing(IReadOnlyList<ApprovalClause> clauses, IReadOnlyList<IReadOnlyList<string>> groupsOfPeople)
    {
        var places = clauses.SelectMany((clause, index) => Enumerable.Repeat(index, (int)clause.Count)).ToArray();
        var placeOf = new int?[groupsOfPeople.Count];
        var missing = new int[clauses.Count];
        for (var place = 0; place < places.Length; place++)
        {
            if (!Fill(place, new bool[groupsOfPeople.Count])) missing[places[place]]++;
        }
        return missing;

        bool Fill(int place, bool[] asked)
        {
            for (var person = 0; person < placeOf.Length; person++)
            {
                if (asked[person] || !groupsOfPeople[person].Contains(clauses[places[place]].Group, StringComparer.Ordinal)) continue;
                asked[person] = true;
                if (placeOf[person] is { } other && !Fill(other, asked)) continue;
                placeOf[person] = place;
                return true;
            }
            return false;
        }
    }
}
