using System.Net;
using System.Net.Sockets;

namespace Strongroom.Broker.Tests;

/// <summary>Many connections of one address; each says what it is told to, then nothing, and stays until the crowd or the other end ends it.</summary>
internal sealed class Crowd : IDisposable
{
    private readonly List<Stream> all = [];

    /// <param name="to">The listener's port on the loopback.</param>
    /// <param name="address">Where they come from.</param>
    /// <param name="count">How many.</param>
    /// <param name="speak">What each does first; the stream to be held is returned.</param>
    public async Task GatherAsync(int to, string address, int count, Func<Stream, Task<Stream>> speak)
    {
        for (var i = 0; i < count; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
            await socket.ConnectAsync(IPAddress.Loopback, to);
            try
            {
                all.Add(await speak(new NetworkStream(socket, ownsSocket: true)));
            }
            catch (IOException)
            {
                // Turned away before it was through.
            }
        }
    }

    public void Dispose()
    {
        foreach (var each in all) each.Dispose();
    }
}
