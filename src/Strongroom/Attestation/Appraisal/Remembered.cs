using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Strongroom.Attestation.Appraisal;

/// <summary>
/// What was found out once about bytes that come again and again. It holds a fixed number of things: when it is full it forgets all of them, which costs whoever comes next
/// one computation. So nobody who sends new bytes all the time fills memory, or keeps others out for long.
/// </summary>
internal sealed class Remembered<TKey, TValue>(int capacity)
    where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, TValue> known = new();

    public int Count => known.Count;

    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value) => known.TryGetValue(key, out value);

    /// <summary>The value that counts from now on: the first one where two threads found one each.</summary>
    public TValue Add(TKey key, TValue value)
    {
        if (known.Count >= capacity) known.Clear();
        return known.GetOrAdd(key, value);
    }
}
