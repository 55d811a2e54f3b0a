using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Sealing;

namespace Strongroom.Benchmarks;

/// <summary><c>bench seal [MIB]</c>: sealing with its tree, against what AES-256-GCM and SHA-256 alone cost on the same core in the same round.</summary>
internal static class Seal
{
    private const int Rounds = 5;

    internal static int Run(long mebibytes)
    {
        var length = mebibytes << 20;
        using var plain = NativeBuffer.Locked(length);
        for (var at = 0L; at < length; at += 1 << 20) RandomNumberGenerator.Fill(plain.At(at, 1 << 20));
        var (aes, sha, sealing) = (new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            aes.Add(Peers.Time(Encrypt).Cpu);
            sha.Add(Peers.Time(Hash).Cpu);
            sealing.Add(Peers.Time(SealAll).Cpu);
        }
        var (a, s, o) = (length / 1e9 / Peers.Median(aes), length / 1e9 / Peers.Median(sha), length / 1e9 / Peers.Median(sealing));
        Console.WriteLine($"{mebibytes} MiB, medians of {Rounds} rounds; GB (1e9 bytes) per CPU-second, one thread; load {File.ReadAllText("/proc/loadavg").Split(' ')[0]}");
        Peers.Line("seal with its tree / AES-256-GCM and SHA-256 together", o / (1 / ((1 / a) + (1 / s))), $"{o:0.00}; AES-256-GCM {a:0.00}, SHA-256 {s:0.00}");
        return 0;

        void Encrypt()
        {
            using var cipher = new Aes256Gcm(new byte[32]);
            Span<byte> nonce = stackalloc byte[12];
            var output = new byte[SealedLayout.SealedChunkSize];
            for (var at = 0L; at < length; at += SealedLayout.ChunkSize) cipher.Encrypt(nonce, plain.At(at, SealedLayout.ChunkSize), output);
        }

        void Hash()
        {
            Span<byte> hash = stackalloc byte[32];
            for (var at = 0L; at < length; at += 1 << 20) SHA256.HashData(plain.At(at, 1 << 20), hash);
        }

        void SealAll()
        {
            using var publisher = Ed25519PrivateKey.FromSeed(new byte[32]);
            var identity = new FileIdentity(publisher.PublicKey, "bench", 1, "weights");
            using var encryptor = ChunkEncryptor.Create(new byte[32], identity);
            var tree = new SealedTree(SealedTree.SegmentCount(length));
            var room = new byte[1 + SealedLayout.HeaderSize + SealedTree.SegmentSize];
            for (var segment = 0L; segment < SealedTree.SegmentCount(length); segment++)
            {
                var part = plain.At(segment * SealedTree.PlainSegmentSize, (int)Math.Min(SealedTree.PlainSegmentSize, length - (segment * SealedTree.PlainSegmentSize)));
                encryptor.Encrypt(segment * SealedTree.ChunksInSegment, part, room.AsSpan(1 + SealedLayout.HeaderSize), final: segment == SealedTree.SegmentCount(length) - 1);
                var at = segment == 0 ? 0 : SealedLayout.HeaderSize;
                if (segment == 0) encryptor.Header.CopyTo(room.AsSpan(1));
                tree.Add(segment, SealedTree.Leaf(room.AsSpan(at, 1 + SealedTree.Segment(segment, length).Size)));
            }
            _ = tree.Root();
        }
    }
}
