using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Cli.Sealing;
using Strongroom.Crypto;
using Strongroom.Keys;
using Strongroom.Sealing;

namespace Strongroom.System.Tests.Sealing;

/// <summary>A directory with keys, a small model and its sealed form, made by the same code as the command line's.</summary>
internal sealed class SealedWorkspace : IDisposable
{
    internal static readonly DateTimeOffset Now = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    internal SealedWorkspace()
    {
        using var custody = Secret.Random(32);
        KeyFile.Write(At("K.key"), FileKeys.Purpose, custody, passphrase: null);
        Publisher = PublisherKeys.Create(At("K.key.publisher"), passphrase: null);
        Directory.CreateDirectory(At("model/sub"));
        File.WriteAllBytes(At("model/two-chunks.bin"), RandomNumberGenerator.GetBytes((2 * SealedLayout.ChunkSize) + 5));
        File.WriteAllBytes(At("model/tiny"), "tiny"u8.ToArray());
        File.WriteAllBytes(At("model/sub/empty"), []);
    }

    internal string Path { get; } = Directory.CreateTempSubdirectory("strongroom-sealing-").FullName;

    internal Ed25519PublicKey Publisher { get; }

    internal string At(string name) => global::System.IO.Path.Combine(Path, name);

    internal async Task<Manifest> SealAsync(string from = "model", string to = "sealed", string name = "model", long version = 1, bool resume = false, bool followLinks = false)
    {
        using var custody = KeyProvider.Open($"file:{At("K.key")}");
        using var publisher = PublisherKeys.Open(At("K.key.publisher"), null);
        var files = PlainModel.List(At(from), followLinks);
        return await new Sealer(At(to), custody, publisher, []).SealAsync(files, name, version, resume, followLinks, Now, new Progress<long>(), CancellationToken.None);
    }

    internal void Open(string to)
    {
        var model = SealedDirectory.Read(At("sealed"));
        using var custody = KeyProvider.Open($"file:{At("K.key")}");
        using var key = custody.UnwrapModelKeyAsync(model.Recipients).GetAwaiter().GetResult();
        new Opener(model, key, new Progress<long>(), CancellationToken.None).OpenInto(At(to), [.. Enumerable.Range(0, model.Manifest.Files.Count)], checkTree: false);
    }

    /// <summary>Authenticates everything, as <c>verify --decrypt</c>; null when nothing was found wrong.</summary>
    internal Exception? Check(string sealedDirectory = "sealed", bool checkTree = false)
    {
        try
        {
            var model = SealedDirectory.Read(At(sealedDirectory));
            model.RequirePublisher(Publisher);
            using var custody = KeyProvider.Open($"file:{At("K.key")}");
            using var key = custody.UnwrapModelKeyAsync(model.Recipients).GetAwaiter().GetResult();
            new Opener(model, key, new Progress<long>(), CancellationToken.None).Verify(checkTree);
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    /// <summary>The refusal that the sealed model meets; fails the test when it passes or fails otherwise.</summary>
    internal string Refusal(string sealedDirectory = "sealed", bool checkTree = false)
    {
        var e = Check(sealedDirectory, checkTree);
        Assert.True(e is RefusedException or AuthenticationTagMismatchException, e?.ToString() ?? "nothing was refused");
        return e!.Message;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
