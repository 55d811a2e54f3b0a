using System.Buffers.Binary;
using System.Security.Cryptography;
using Strongroom.Attestation.Cose;

namespace Strongroom.Tests.Attestation.Corim;

/// <summary>CoRIMs as a maker of images would sign them.</summary>
internal static class TestCorim
{
    public const string ContentType = "application/rim+cbor";

    /// <summary>Around one CoMID of these reference triples, each an environment and one measurement.</summary>
    /// <param name="extra">Writes one more member of the corim-map.</param>
    public static byte[] Of(string tag, int version, Action<CborWriter>? extra, params IReadOnlyList<Action<CborWriter>> triples)
    {
        var corim = new CborWriter().Tag(501).Map(extra is null ? 2 : 3).Number(0).Text("a corim").Number(1).Array(1).Tag(506).Bytes(Comid(tag, version, triples));
        extra?.Invoke(corim);
        return corim.ToArray();
    }

    public static byte[] Comid(string tag, int version, params IReadOnlyList<Action<CborWriter>> triples)
    {
        var comid = new CborWriter().Map(2).Number(1).Map(2).Number(0).Text(tag).Number(1).Number(version).Number(4).Map(1).Number(0).Array(triples.Count);
        foreach (var triple in triples) triple(comid.Array(2));
        return comid.ToArray();
    }

    /// <param name="name">Of the claim, as the measurement's key; null for none.</param>
    /// <param name="value">Writes the measurement-values-map.</param>
    public static Action<CborWriter> Triple(string vendor, string model, string? name, Action<CborWriter> value) => writer =>
    {
        writer.Map(1).Number(0).Map(2).Number(1).Text(vendor).Number(2).Text(model);
        Measurement(writer, name is null ? null : key => key.Text(name), value);
    };

    /// <summary>A measurement of AMD's draft.</summary>
    public static Action<CborWriter> Amd(int key, Action<CborWriter> value) => writer =>
    {
        writer.Map(1).Number(0).Map(1).Number(0).Tag(37).Bytes(Convert.FromHexString("d05e6d1b9f464ae2a610ce3e6ee7e153"));
        Measurement(writer, name => name.Number(key), value);
    };

    public static Action<CborWriter> Digests(params byte[][] sha384) => writer =>
    {
        writer.Map(1).Number(2).Array(sha384.Length);
        foreach (var digest in sha384) writer.Array(2).Number(7).Bytes(digest);
    };

    public static Action<CborWriter> AtLeast(ulong svn) => writer =>
    {
        var number = new byte[9];
        number[0] = 0x1B;
        BinaryPrimitives.WriteUInt64BigEndian(number.AsSpan(1), svn);
        writer.Map(1).Number(1).Tag(553);
        if (svn > long.MaxValue) writer.Encoded(number);
        else writer.Number((long)svn);
    };

    public static Action<CborWriter> Version(string text) => writer => writer.Map(1).Number(0).Map(1).Number(0).Text(text);

    public static Action<CborWriter> Raw(byte[] bytes) => writer => writer.Map(1).Number(4).Tag(560).Bytes(bytes);

    /// <summary>Good for a day before and after.</summary>
    public static byte[] Sign(
        byte[] payload, ECDsa key, DateTimeOffset at, long algorithm = CoseSign1.Es384, string contentType = ContentType, int? critical = null, bool hasMeta = true)
    {
        var meta = new CborWriter().Map(2).Number(0).Map(1).Number(0).Text("ACME").Number(1)
            .Map(2).Number(0).Tag(1).Number(at.AddDays(-1).ToUnixTimeSeconds()).Number(1).Tag(1).Number(at.AddDays(1).ToUnixTimeSeconds()).ToArray();
        var header = new CborWriter().Map(2 + (critical is null ? 0 : 1) + (hasMeta ? 1 : 0)).Number(1).Number(algorithm);
        if (critical is { } label) header.Number(2).Array(1).Number(label);
        header.Number(3).Text(contentType);
        if (hasMeta) header.Number(8).Bytes(meta);
        var signature = key.SignData(CoseSign1.ToBeSigned(header.ToArray(), payload), HashAlgorithmName.SHA384);
        return new CborWriter().Tag(CoseSign1.Tag).Array(4).Bytes(header.ToArray()).Map(0).Bytes(payload).Bytes(signature).ToArray();
    }

    private static void Measurement(CborWriter writer, Action<CborWriter>? key, Action<CborWriter> value)
    {
        writer.Array(1).Map(key is null ? 1 : 2);
        if (key is not null) key(writer.Number(0));
        value(writer.Number(1));
    }
}
