using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Cli.Commands;

/// <summary>Where a ledger is read from: a directory in the layout of C2SP tlog-tiles, a broker's directory or a backup of it, or a server.</summary>
internal abstract class LedgerPlace : IDisposable
{
    /// <exception cref="DirectoryNotFoundException">No such directory, and no URL either.</exception>
    internal static LedgerPlace Open(string place)
    {
        if (Uri.TryCreate(place, UriKind.Absolute, out var url) && url.Scheme is "https" or "http") return new Server(url);
        if (!Directory.Exists(place)) throw new DirectoryNotFoundException($"there is no directory {place}");
        return ((string[])["broker.json", "ledger.db"]).Any(name => File.Exists(Path.Combine(place, name))) ? new Store(place) : new Copy(place);
    }

    /// <summary>True for a broker's own store, which knows no cosignatures: its witnesses keep them.</summary>
    internal virtual bool IsStore => false;

    internal abstract Task<ReadOnlyMemory<byte>?> ReadAsync(string path, CancellationToken cancel);

    public abstract void Dispose();

    private sealed class Copy(string directory) : LedgerPlace
    {
        internal override async Task<ReadOnlyMemory<byte>?> ReadAsync(string path, CancellationToken cancel)
        {
            var file = Path.Combine(directory, path);
            return File.Exists(file) ? await File.ReadAllBytesAsync(file, cancel) : default(ReadOnlyMemory<byte>?);
        }

        public override void Dispose()
        {
            // Nothing is held open between reads.
        }
    }

    /// <summary>The broker's program reads it, as it stands: only that knows how it is stored (Strongroom.Broker, StoredLedger).</summary>
    private sealed class Store(string directory) : LedgerPlace
    {
        private readonly Process broker = SiblingProgram.Start("Broker", ["read", "--dir", Path.GetFullPath(directory)]);

        internal override bool IsStore => true;

        internal override async Task<ReadOnlyMemory<byte>?> ReadAsync(string path, CancellationToken cancel)
        {
            try
            {
                await broker.StandardInput.WriteAsync($"{path}\n".AsMemory(), cancel);
                await broker.StandardInput.FlushAsync(cancel);
                var answers = broker.StandardOutput.BaseStream;
                var head = new byte[5];
                await answers.ReadExactlyAsync(head, cancel);
                var bytes = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1))];
                await answers.ReadExactlyAsync(bytes, cancel);
                return head[0] switch { 0 => null, 1 => bytes, _ => throw new RefusedException(Encoding.UTF8.GetString(bytes)) };
            }
            catch (Exception e) when (e is IOException) // it has ended, and says why
            {
                var complained = await broker.StandardError.ReadToEndAsync(cancel);
                await broker.WaitForExitAsync(cancel);
                throw SiblingProgram.Failure("Broker", broker.ExitCode, complained);
            }
        }

        public override void Dispose()
        {
            broker.StandardInput.BaseStream.Dispose(); // its last line; the writer over it would complain of a program that has ended
            broker.WaitForExit();
            broker.Dispose();
        }
    }

    private sealed class Server : LedgerPlace
    {
        private const int MaxAnswerInBytes = 64 << 20; // a manifest has 16 MiB at most, and nothing of a ledger is longer

        private readonly HttpClient http;

        internal Server(Uri url)
        {
            // A ledger is public, and what it says is proved by its signatures, whoever delivers it: the server's certificate adds nothing.
#pragma warning disable CA5359
            var handler = new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } };
#pragma warning restore CA5359
            http = new(handler) { BaseAddress = new(url.AbsoluteUri.TrimEnd('/') + "/"), Timeout = TimeSpan.FromSeconds(30), MaxResponseContentBufferSize = MaxAnswerInBytes };
        }

        internal override async Task<ReadOnlyMemory<byte>?> ReadAsync(string path, CancellationToken cancel)
        {
            using var response = await http.GetAsync(new Uri(path, UriKind.Relative), cancel);
            if (response.StatusCode == HttpStatusCode.NotFound) return null;
            if (!response.IsSuccessStatusCode) throw new UnavailableException($"{http.BaseAddress}{path} answers {(int)response.StatusCode}");
            return await response.Content.ReadAsByteArrayAsync(cancel);
        }

        public override void Dispose() => http.Dispose();
    }
}
