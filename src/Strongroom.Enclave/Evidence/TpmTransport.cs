using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Strongroom.Enclave.Evidence;

/// <summary>Carries one command to the TPM and its answer back.</summary>
internal sealed class TpmTransport(Stream stream, bool isSocket) : IDisposable
{
    private const int HeaderInBytes = 10;
    private const int MaxSizeInBytes = 4096;

    internal bool IsSocket => isSocket;

    internal static TpmTransport Open(string address) => address.Split(':', 3) switch
    {
        ["device", var path] => new(new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0), isSocket: false),
        ["swtpm", "unix", var path] => Connect(() => new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), new UnixDomainSocketEndPoint(path)),
        ["swtpm", var host, var port] when ushort.TryParse(port, out var number) =>
            Connect(() => new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }, new DnsEndPoint(host, number)),
        _ => throw new UsageException($"a TPM is at device:/dev/tpmrm0, swtpm:HOST:PORT or swtpm:unix:PATH, not at '{address}'"),
    };

    internal byte[] Exchange(ReadOnlySpan<byte> command)
    {
        stream.Write(command);
        var response = new byte[MaxSizeInBytes];
        var length = stream.ReadAtLeast(response, HeaderInBytes); // the device gives its whole answer to one read, and only to one
        var size = BinaryPrimitives.ReadInt32BigEndian(response.AsSpan(2));
        if (size is < HeaderInBytes or > MaxSizeInBytes) throw new IOException("the answer is not one of a TPM");
        if (length < size) stream.ReadExactly(response.AsSpan(length, size - length));
        return response[..Math.Max(length, size)];
    }

    public void Dispose() => stream.Dispose();

    /// <summary>A software TPM makes its socket a moment before it listens there: for a second, refused means not yet.</summary>
    private static TpmTransport Connect(Func<Socket> make, EndPoint to)
    {
        for (var attempt = 0; ; attempt++)
        {
            var socket = make();
            try
            {
                socket.ReceiveTimeout = 60_000; // making an RSA key may take a TPM this long
                socket.Connect(to);
                return new(new NetworkStream(socket, ownsSocket: true), isSocket: true);
            }
            catch (SocketException e)
            {
                socket.Dispose();
                if (e.SocketErrorCode != SocketError.ConnectionRefused || attempt == 20) throw;
                Thread.Sleep(50);
            }
        }
    }
}
