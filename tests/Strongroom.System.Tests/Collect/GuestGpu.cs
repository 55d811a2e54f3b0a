using System.Net.Sockets;
using System.Text;
using Strongroom.Tests.Attestation.Nvidia;

namespace Strongroom.System.Tests.Collect;

/// <summary>A GPU of the test vendor behind a driver's library of its own, which asks here whatever process loads it.</summary>
internal sealed class GuestGpu : IDisposable
{
    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly NvidiaVendor vendor = new NvidiaCase().Vendor;
    private readonly TestDevice device;

    public GuestGpu(TestDevice device)
    {
        this.device = device;
        const UnixFileMode Everybody = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        File.SetUnixFileMode(Place, Everybody); // who loads the library is nobody
        File.Copy(SimulatedGpus.Library, Path.Combine(Place, "libnvidia-ml.so.1"));
        var socket = Path.Combine(Place, "gpu");
        listener.Bind(new UnixDomainSocketEndPoint(socket));
        File.SetUnixFileMode(socket, Everybody | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite);
        listener.Listen();
        new Thread(Serve) { IsBackground = true }.Start();
    }

    /// <summary>The directory of the library.</summary>
    public string Place { get; } = Directory.CreateTempSubdirectory("strongroom-gpu-").FullName;

    /// <summary>What it answers whatever it is asked; null for what it is asked.</summary>
    public byte[]? Nonce { get; set; }

    public void Dispose()
    {
        listener.Dispose();
        Directory.Delete(Place, recursive: true);
    }

    private void Serve()
    {
        while (true)
        {
            try
            {
                using var line = listener.Accept();
                var asked = new byte[32];
                var nonce = new NetworkStream(line).ReadAtLeast(asked, asked.Length, throwOnEndOfStream: false) == asked.Length;
                line.Send(nonce ? vendor.Report(device with { Nonce = Nonce ?? asked }) : Encoding.ASCII.GetBytes(NvidiaVendor.Pem(vendor.Chain(device)) + "\0"));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
            {
                if (e is not IOException) return;
            }
        }
    }
}
