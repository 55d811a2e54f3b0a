using System.Security.Cryptography;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>One entry of the log.</summary>
/// <param name="Register">1 to 4 for RTMR 0 to 3; 0 is MRTD, which no event extends.</param>
/// <param name="Type">What the log says it is: only a label, bound by nothing.</param>
/// <param name="Sha384">The value extended.</param>
internal sealed record CcEvent(int Register, uint Type, ReadOnlyMemory<byte> Sha384);

/// <summary>
/// The firmware's log of a trust domain, as the ACPI table CCEL points to it (UEFI 2.10 section 38, Confidential Computing): the crypto-agile form of the TCG log with
/// one SHA-384 bank, in an area that is filled up with FF or 00.
/// </summary>
internal sealed class CcEventLog
{
    private const int MaxSizeInBytes = 4 * 1024 * 1024;
    private const uint NoAction = 3;
    private const ushort Sha384 = 0x000C;
    private const int Registers = 5;

    private CcEventLog(IReadOnlyList<CcEvent> events) => Events = events;

    public IReadOnlyList<CcEvent> Events { get; }

    /// <exception cref="MalformedException">Not such a log, or more banks than SHA-384, or an event for MRTD or a register that is none.</exception>
    public static CcEventLog Parse(ReadOnlyMemory<byte> log)
    {
        if (log.Length > MaxSizeInBytes) throw new MalformedException(MaxSizeInBytes, $"an event log has {MaxSizeInBytes} bytes at most");
        var reader = new ByteReader(log.Span);
        ReadHeader(ref reader);
        var events = new List<CcEvent>();
        while (reader.Remaining > 0 && !IsFiller(log.Span[reader.Offset..]))
        {
            var e = ReadEvent(ref reader, log);
            if (e.Type != NoAction) events.Add(e);
        }
        return new(events);
    }

    /// <summary>RTMR 0 to 3 as these events, and nothing else, make them.</summary>
    public IReadOnlyList<byte[]> Replay()
    {
        var values = Enumerable.Range(0, Registers - 1).Select(_ => new byte[SHA384.HashSizeInBytes]).ToArray();
        Span<byte> extend = stackalloc byte[2 * SHA384.HashSizeInBytes];
        foreach (var e in Events)
        {
            values[e.Register - 1].CopyTo(extend);
            e.Sha384.Span.CopyTo(extend[SHA384.HashSizeInBytes..]);
            SHA384.HashData(extend, values[e.Register - 1]);
        }
        return values;
    }

    /// <summary>The register of the header is not looked at: some firmware writes 1, some 0, and nothing is extended by it.</summary>
    private static void ReadHeader(ref ByteReader reader)
    {
        reader.U32Little("register");
        if (reader.U32Little("type") != NoAction || reader.Bytes(20, "digest").ContainsAnyExcept((byte)0)) throw new MalformedException(4, "the log does not begin with its header");
        var size = reader.U32Little("size of the header");
        var header = new ByteReader(reader.Bytes(size <= 1024 ? (int)size : -1, "the header"));
        if (!header.Bytes(16, "signature").SequenceEqual("Spec ID Event03\0"u8)) throw new MalformedException(32, "the log is not of the crypto-agile form");
        header.Bytes(8, "platform class and version");
        if (header.U32Little("number of algorithms") != 1 || header.U16Little("algorithm") != Sha384 || header.U16Little("digest size") != SHA384.HashSizeInBytes)
            throw new MalformedException(reader.Offset, "the log has another bank than SHA-384");
        header.Bytes(header.U8("size of vendor information"), "vendor information");
        header.End("the header");
    }

    private static CcEvent ReadEvent(ref ByteReader reader, ReadOnlyMemory<byte> log)
    {
        var register = reader.U32Little("register");
        var type = reader.U32Little("type");
        if (register >= Registers || (register == 0 && type != NoAction)) throw new MalformedException(reader.Offset, $"nothing is extended into register {register}");
        if (reader.U32Little("number of digests") != 1 || reader.U16Little("algorithm") != Sha384) throw new MalformedException(reader.Offset, "an event lists other algorithms than the header");
        reader.Bytes(SHA384.HashSizeInBytes, "digest");
        var digest = log.Slice(reader.Offset - SHA384.HashSizeInBytes, SHA384.HashSizeInBytes);
        var size = reader.U32Little("size of the event");
        reader.Bytes(size <= MaxSizeInBytes ? (int)size : -1, "the event");
        return new((int)register, type, digest);
    }

    /// <summary>FF to the end, or 00 to the end: an event of zeros alone would list no digest, so nothing is taken for filler that could be an event.</summary>
    private static bool IsFiller(ReadOnlySpan<byte> rest) => rest[0] is 0 or 0xFF && !rest.ContainsAnyExcept(rest[0]);
}
