using System.Net;
using System.Net.Sockets;

namespace Strongroom.Enclave.Gateway;

/// <summary>
/// Who is connected to a listener. Whoever has not shown a key yet is a stranger: strangers have places of their own, for a short time, and where those are
/// taken the oldest stranger of the address that has the most of them makes room. So who has no key takes no place from who has one, and who holds many
/// connections open makes room for who comes with one.
/// </summary>
/// <param name="places">For strangers, and as many again for callers with a key.</param>
/// <param name="patience">From a connection's start until it has shown a key.</param>
internal sealed class Callers(int places, TimeSpan patience, TimeProvider clock)
{
    private readonly Lock gate = new();
    private readonly int places = places;

    /// <summary>The oldest first.</summary>
    private readonly List<Caller> strangers = [];
    private int known;

    /// <param name="from">The other end's address.</param>
    /// <param name="turnAway">Ends the connection; called once at most, on any thread.</param>
    /// <returns>To be disposed when the connection has ended.</returns>
    internal Caller Enter(IPAddress from, Action turnAway)
    {
        var caller = new Caller(this, Network(from), turnAway);
        Caller? crowded = null;
        lock (gate)
        {
            strangers.Add(caller);
            if (strangers.Count > places) crowded = strangers.GroupBy(each => each.Network).MaxBy(group => group.Count())!.First();
        }
        if (crowded is not null) TurnAway(crowded);
        caller.Deadline = clock.CreateTimer(_ => TurnAway(caller), null, patience, Timeout.InfiniteTimeSpan);
        return caller;
    }

    /// <summary>An IPv6 network is what one customer gets: its 2^64 addresses count as one.</summary>
    private static IPAddress Network(IPAddress from)
    {
        if (from.IsIPv4MappedToIPv6) return from.MapToIPv4();
        return from.AddressFamily == AddressFamily.InterNetworkV6 ? new([.. from.GetAddressBytes()[..8], .. new byte[8]]) : from;
    }

    private void TurnAway(Caller caller)
    {
        lock (gate)
        {
            if (!strangers.Remove(caller)) return;
        }
        caller.End();
    }

    /// <summary>One connection.</summary>
    internal sealed class Caller(Callers callers, IPAddress network, Action turnAway) : IDisposable
    {
        private bool isKnown;

        internal IPAddress Network => network;

        internal ITimer? Deadline { get; set; }

        /// <summary>Told of every request that showed a key.</summary>
        /// <exception cref="ApiException">Too many callers with a key: 429.</exception>
        internal void ShowedKey()
        {
            lock (callers.gate)
            {
                if (isKnown) return;
                if (callers.known == callers.places) throw new ApiException(429, "Too many connections. Try again shortly.", "rate_limit_exceeded");
                if (!callers.strangers.Remove(this)) return; // turned away a moment ago
                isKnown = true;
                callers.known++;
            }
        }

        public void Dispose()
        {
            Deadline?.Dispose();
            lock (callers.gate)
            {
                if (isKnown) callers.known--;
                else callers.strangers.Remove(this);
            }
        }

        internal void End() => turnAway();
    }
}
