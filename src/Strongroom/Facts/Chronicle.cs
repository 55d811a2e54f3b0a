using System.Collections.Immutable;

namespace Strongroom.Facts;

/// <summary>Ids in the order in which the ledger brought them up, for lists that are read page by page. Immutable, like the state that holds it.</summary>
public sealed class Chronicle
{
    public static readonly Chronicle Empty = new([]);

    private readonly ImmutableSortedSet<Place> places;

    private Chronicle(ImmutableSortedSet<Place> places) => this.places = places;

    /// <summary>
    /// The ids that came up after the record <paramref name="index"/>, <paramref name="count"/> of them if there are so many, and a few more where that would
    /// part what one record brought up. Costs what it returns, however long the list is.
    /// </summary>
    public IEnumerable<string> After(long index, int count)
    {
        var first = ~places.IndexOf(new(index, null));
        for (var at = first; at < places.Count && (at < first + count || places[at].Index == places[at - 1].Index); at++) yield return places[at].Id!;
    }

    internal Chronicle With(long index, string id) => new(places.Add(new(index, id)));

    internal Chronicle Without(long index, string id) => new(places.Remove(new(index, id)));

    /// <param name="Id">Null stands behind every id of its record, and is never in the list.</param>
    private readonly record struct Place(long Index, string? Id) : IComparable<Place>
    {
        public int CompareTo(Place other)
        {
            var byIndex = Index.CompareTo(other.Index);
            if (byIndex != 0) return byIndex;
            return Id is null || other.Id is null ? (Id is null).CompareTo(other.Id is null) : string.CompareOrdinal(Id, other.Id);
        }
    }
}
