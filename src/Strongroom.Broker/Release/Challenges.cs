using System.Net;
using System.Security.Cryptography;

namespace Strongroom.Broker.Release;

/// <summary>
/// Challenges that were given and not yet answered. They live in memory, few and short, because whoever asks for one has proved nothing: nothing that a
/// stranger does here reaches the disk, and no number of strangers can make it grow. A restart forgets them all, which refuses, never allows.
/// </summary>
/// <typeparam name="T">What the challenge is bound to.</typeparam>
internal sealed class Challenges<T>(TimeProvider clock, TimeSpan timeToLive) where T : class
{
    public const int Capacity = 4096;
    public const int CapacityPerCaller = 512;

    private readonly Dictionary<string, Given> given = [];
    private readonly Queue<string> oldestFirst = new();
    private readonly Dictionary<IPAddress, int> perCaller = [];
    private readonly Lock gate = new();

    /// <summary>The challenge's id and when it ends, or null when there are too many.</summary>
    public (string Id, DateTimeOffset Expires)? Give(T bound, IPAddress caller)
    {
        lock (gate)
        {
            Forget();
            var mine = perCaller.GetValueOrDefault(caller);
            if (given.Count >= Capacity || mine >= CapacityPerCaller) return null;
            var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
            var expires = clock.GetUtcNow() + timeToLive;
            given.Add(id, new(bound, caller, expires));
            oldestFirst.Enqueue(id);
            perCaller[caller] = mine + 1;
            return (id, expires);
        }
    }

    /// <summary>What the challenge was bound to; from now on it is spent, whatever becomes of the answer. Null if there is no such challenge, or not any more.</summary>
    public T? Take(string id)
    {
        lock (gate)
        {
            Forget();
            return Remove(id)?.Bound;
        }
    }

    private void Forget()
    {
        var now = clock.GetUtcNow();
        while (oldestFirst.TryPeek(out var id) && (!given.TryGetValue(id, out var challenge) || challenge.Expires <= now))
        {
            oldestFirst.Dequeue();
            Remove(id);
        }
    }

    private Given? Remove(string id)
    {
        if (!given.Remove(id, out var challenge)) return null;
        if (--perCaller[challenge.Caller] == 0) perCaller.Remove(challenge.Caller);
        return challenge;
    }

    private sealed record Given(T Bound, IPAddress Caller, DateTimeOffset Expires);
}
