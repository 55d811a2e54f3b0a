using System.Net;
using System.Net.Sockets;

namespace Strongroom.Protocol;

/// <summary>
/// Who is connected to a listener. Whoever has not proved who it is yet is a stranger: strangers have places of their own, and where those are taken the oldest
/// stranger of the network that has the most of them makes room. So who has proved nothing takes no place from who has, and who holds many connections open
/// makes room for who comes with one.
/// </summary>
/// <param name="places">For strangers, and as many again for callers who proved who they are.</param>
/// <param name="patience">From a connection's start until it has asked (<see cref="Caller.Asked"/>) or proved something.</param>
/// <param name="clock">For that time.</param>
public sealed class Callers(int places, TimeSpan patience, TimeProvider clock)
{
    private readonly Lock gate = new();
    private readonly int places = places;

    /// <summary>The oldest first.</summary>
    private readonly List<Caller> strangers = [];
    private int known;

    /// <param name="from">The other end's address.</param>
    /// <param name="turnAway">Ends the connection; called once at most, on any thread.</param>
    /// <returns>To be disposed when the connection has ended.</returns>
    public Caller Enter(IPAddress from, Action turnAway)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(turnAway);
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

    /// <summary>What counts as one caller's: an IPv4 address, or the IPv6 /64 that one customer gets.</summary>
    public static IPAddress Network(IPAddress from)
    {
        ArgumentNullException.ThrowIfNull(from);
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
    public sealed class Caller : IDisposable
    {
        private readonly Callers callers;
        private readonly Action turnAway;
        private bool isKnown;

        internal Caller(Callers callers, IPAddress network, Action turnAway) => (this.callers, Network, this.turnAway) = (callers, network, turnAway);

        internal IPAddress Network { get; }

        internal ITimer? Deadline { get; set; }

        /// <summary>A request came: the caller may stay for longer, as a stranger.</summary>
        public void Asked() => Deadline?.Dispose();

        /// <summary>Told of every request that proved who sends it: the connection keeps its place from now on.</summary>
        /// <returns>False where as many as there are places have proved it already: this one stays a stranger.</returns>
        public bool Proved()
        {
            lock (callers.gate)
            {
                if (isKnown) return true;
                if (callers.known == callers.places) return false;
                if (!callers.strangers.Remove(this)) return true; // turned away a moment ago
                isKnown = true;
                callers.known++;
                return true;
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
