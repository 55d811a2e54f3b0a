using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Crypto;

/// <summary>RFC 9180 section 4: LabeledExtract and LabeledExpand.</summary>
internal static class HpkeLabels
{
    internal static Secret Extract(ReadOnlySpan<byte> suite, ReadOnlySpan<byte> salt, string label, ReadOnlySpan<byte> inputKey)
    {
        var prefix = Encoding.ASCII.GetBytes("HPKE-v1");
        var name = Encoding.ASCII.GetBytes(label);
        using var labeled = new Secret(prefix.Length + suite.Length + name.Length + inputKey.Length);
        prefix.CopyTo(labeled.Span);
        suite.CopyTo(labeled.Span[prefix.Length..]);
        name.CopyTo(labeled.Span[(prefix.Length + suite.Length)..]);
        inputKey.CopyTo(labeled.Span[(prefix.Length + suite.Length + name.Length)..]);
        var key = new Secret(32);
        Hkdf.Extract(HashAlgorithmName.SHA256, salt, labeled.Span, key.Span);
        return key;
    }

    internal static Secret Expand(ReadOnlySpan<byte> suite, Secret key, string label, ReadOnlySpan<byte> info, int length)
    {
        Span<byte> size = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(size, checked((ushort)length));
        byte[] labeled = [.. size, .. "HPKE-v1"u8, .. suite, .. Encoding.ASCII.GetBytes(label), .. info];
        var output = new Secret(length);
        Hkdf.Expand(HashAlgorithmName.SHA256, key.Span, labeled, output.Span);
        return output;
    }
}
