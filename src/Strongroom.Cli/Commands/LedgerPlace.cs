using System.Net;
using Strongroom.Bytes;

namespace Strongroom.Cli.Commands;

/// <summary>Where a ledger is read from: a directory in the layout of C2SP tlog-tiles, or a server.</summary>
internal abstract class LedgerPlace : IDisposable
{
    /// <exception cref="DirectoryNotFoundException">No such directory, and no URL either.</exception>
    internal static LedgerPlace Open(string place)
    {
        if (Uri.TryCreate(place, UriKind.Absolute, out var url) && url.Scheme is "https" or "http") return new Server(url);
        if (!Directory.Exists(place)) throw new DirectoryNotFoundException($"there is no directory {place}");
        if (File.Exists(Path.Combine(place, "broker.json"))) throw new UsageException($"{place} is a broker's directory; strongroom ledger copy https://BROKER:PORT DIR takes a copy that can be read here");
        return new Copy(place);
    }

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
