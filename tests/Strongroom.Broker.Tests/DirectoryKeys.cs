using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Keys;

namespace Strongroom.Broker.Tests;

/// <summary>The key files of a broker's directory, as init writes them.</summary>
internal static class DirectoryKeys
{
    public static Ed25519PublicKey WriteLedgerKey(string path)
    {
        using var seed = Secret.Random(Ed25519PrivateKey.SeedSizeInBytes);
        KeyFile.Write(path, "ledger", seed, passphrase: null);
        using var key = Ed25519PrivateKey.FromSeed(seed.Span);
        return key.PublicKey;
    }

    public static void WriteCustodyKey(string path)
    {
        using var key = Secret.Random(KeyFile.KeySizeInBytes);
        KeyFile.Write(path, FileKeys.Purpose, key, passphrase: null);
    }
}
