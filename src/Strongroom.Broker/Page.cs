using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Strongroom.Bytes;
using Strongroom.Facts;

namespace Strongroom.Broker;

/// <summary>The part of a list that is asked for. Lists grow with the ledger for ever; what one request of a stranger costs does not.</summary>
/// <param name="After">Ledger index of the last item that the reader has; absent for the first page.</param>
/// <param name="Limit">How many items; a few more come where one record brought them up together. A page with fewer is the last.</param>
internal readonly record struct Page([FromQuery(Name = "after")] long? After, [FromQuery(Name = "limit")] int? Limit)
{
    public const int Default = 100;
    public const int Most = 500;

    /// <summary>The items that this page of <paramref name="list"/> names, each as <paramref name="details"/> says it.</summary>
    /// <exception cref="MalformedException">No such page.</exception>
    public Ok<IReadOnlyList<T>> Of<TItem, T>(Chronicle list, IReadOnlyDictionary<string, TItem> items, Func<TItem, T> details) =>
        TypedResults.Ok<IReadOnlyList<T>>([.. Of(list).Select(id => details(items[id]))]);

    /// <exception cref="MalformedException">No such page.</exception>
    public IEnumerable<string> Of(Chronicle list)
    {
        if (Limit is < 1 or > Most) throw new MalformedException(-1, $"limit is 1 to {Most}");
        if (After < 0) throw new MalformedException(-1, "after is the ledger index of an item");
        return list.After(After ?? -1, Limit ?? Default);
    }
}
