using System.Buffers.Binary;
using System.Net.Sockets;
using Strongroom.Bytes;
using Strongroom.Enclave.Evidence;

namespace Strongroom.System.Tests;

/// <summary>Something that answers in a TPM's place, and wrongly.</summary>
public sealed class HostileTpmTests
{
    [Theory]
    [InlineData(0x14Eu, new byte[] { 0, 0, 0, 2, 0, 0 })] // NV_Read gives nothing, which would be asked for again without end
    [InlineData(0x169u, new byte[] { 0, 1, 0, 0, 0 })] // an area of one byte
    [InlineData(0x169u, new byte[] { 0, 9, 0 })] // one that is longer than the answer
    public async Task An_index_that_is_none_is_refused(uint lie, byte[] answer)
    {
        using var directory = new Folder();
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(directory.Path, "tpm")));
        listener.Listen();
        var serving = ServeAsync(listener, lie, answer);
        using (var tpm = TpmDevice.Open($"swtpm:unix:{directory.Path}/tpm"))
            Assert.Throws<MalformedException>(() => tpm.ReadNv(TpmDevice.RsaCertificate));
        await serving;
    }

    private static async Task ServeAsync(Socket listener, uint lie, byte[] answer)
    {
        using var client = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        var command = new byte[4096];
        while (await client.ReceiveAsync(command, TestContext.Current.CancellationToken) > 0)
        {
            var code = BinaryPrimitives.ReadUInt32BigEndian(command.AsSpan(6));
            byte[] parameters = code == lie ? answer : code switch
            {
                0x17A => Capability(BinaryPrimitives.ReadUInt32BigEndian(command.AsSpan(14))),
                0x169 => [0, 14, .. new byte[12], 0, 100, 0, 0],
                _ => [],
            };
            var reply = new byte[10 + parameters.Length];
            command.AsSpan(0, 2).CopyTo(reply);
            BinaryPrimitives.WriteInt32BigEndian(reply.AsSpan(2), reply.Length);
            parameters.CopyTo(reply, 10);
            await client.SendAsync(reply, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>The one handle there is: the index that is asked for.</summary>
    private static byte[] Capability(uint first) => first == TpmDevice.RsaCertificate ? [0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0xC0, 0, 2] : [0, 0, 0, 0, 1, 0, 0, 0, 0];

    private sealed class Folder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("tpm-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
