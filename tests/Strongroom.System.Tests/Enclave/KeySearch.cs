using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Crypto;

namespace Strongroom.System.Tests.Enclave;

/// <summary>
/// Finds private keys of which only the public half is known, as an attacker with a copy of memory would: each 32 bytes that could be the number are
/// multiplied with the curve's generator. A key of random bytes has hardly any byte twice, which pointers, code and text do not have (a random key fails
/// <see cref="LooksRandom"/> once in ten million), and lies where an allocation begins or in DER behind its OCTET STRING header.
/// </summary>
internal sealed class KeySearch
{
    private const int Size = 32;
    private const int LeastDistinct = 22;
    private const int MostZeros = 3;

    private readonly List<(string Name, Func<byte[], bool> IsItsPrivateHalf)> keys = [];
    private readonly HashSet<UInt128> seen = [];
    private readonly List<byte[]> candidates = [];

    public void Add(string name, HpkePublicKey x25519) => keys.Add((name, number =>
    {
        using var key = HpkePrivateKey.From("x25519", number);
        return key.PublicKey.Equals(x25519);
    }));

    /// <summary>libcrypto holds numbers with the least byte first, every format for files with it last.</summary>
    public void Add(string name, X509Certificate2 p256)
    {
        using var key = p256.GetECDsaPublicKey()!;
        var x = key.ExportParameters(false).Q.X!;
        keys.Add((name, number => x.AsSpan().SequenceEqual(P256.TimesGenerator(number)) || x.AsSpan().SequenceEqual(P256.TimesGenerator([.. number.Reverse()]))));
    }

    /// <summary>Remembers what could be a key, for <see cref="Find"/>.</summary>
    /// <param name="bytes">Begin at a multiple of 8 of their place.</param>
    public void Collect(ReadOnlySpan<byte> bytes)
    {
        for (var at = 0; at + Size <= bytes.Length; at++)
        {
            if (at % 8 != 0 && !(at >= 2 && bytes[at - 1] == Size && bytes[at - 2] == 4)) continue;
            var number = bytes.Slice(at, Size);
            if (LooksRandom(number) && seen.Add(MemoryMarshal.Read<UInt128>(number))) candidates.Add(number.ToArray());
        }
    }

    /// <summary>Names of the keys whose private halves were among what was collected, which is then forgotten.</summary>
    public IReadOnlyList<string> Find()
    {
        var found = new ConcurrentDictionary<string, bool>();
        Parallel.ForEach(candidates, number =>
        {
            foreach (var (name, isItsPrivateHalf) in keys)
                if (!found.ContainsKey(name) && isItsPrivateHalf(number)) found[name] = true;
        });
        candidates.Clear();
        seen.Clear();
        return [.. found.Keys.Order()];
    }

    private static bool LooksRandom(ReadOnlySpan<byte> number)
    {
        if (number.Count((byte)0) > MostZeros) return false;
        Span<ulong> met = stackalloc ulong[4];
        foreach (var value in number) met[value >> 6] |= 1UL << value;
        var distinct = 0;
        foreach (var each in met) distinct += (int)ulong.PopCount(each);
        return distinct >= LeastDistinct;
    }
}
