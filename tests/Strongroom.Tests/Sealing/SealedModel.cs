using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Sealing;

namespace Strongroom.Tests.Sealing;

/// <summary>A small sealed model in memory.</summary>
internal sealed record SealedModel(Ed25519PrivateKey Publisher, Secret Key, Manifest Manifest)
{
    internal static readonly DateTimeOffset Created = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    internal static SealedModel Create(params ManifestFile[] files)
    {
        var publisher = Ed25519PrivateKey.FromSeed(RandomNumberGenerator.GetBytes(32));
        return new(publisher, Secret.Random(32), Manifest.Sign(publisher, "model", 1, Created, files.Length > 0 ? files : [File("a", 10), File("b/c", 0)]));
    }

    internal static ManifestFile File(string name, long length) => new(name, length, SealedLayout.SealedLength(length), Digest.Of("root"u8));
}
