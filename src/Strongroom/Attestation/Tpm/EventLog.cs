using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Attestation.Tpm;

/// <summary>One entry of the log.</summary>
/// <param name="Pcr">Where it was extended.</param>
/// <param name="Type">What the log says it is. Nothing binds this number: only a label.</param>
/// <param name="Sha256">The value extended.</param>
/// <param name="Data">What the log says was measured; bound only where its hash is <paramref name="Sha256"/>.</param>
public sealed record MeasuredEvent(int Pcr, uint Type, Digest Sha256, ReadOnlyMemory<byte> Data)
{
    internal const uint NoAction = 3; // EV_NO_ACTION

    /// <summary>EV_SEPARATOR: firmware hands over to the operating system.</summary>
    public const uint Separator = 4;
}

/// <summary>
/// What firmware and boot loader measured, in order (TCG PC Client Platform Firmware Profile, section 10, the crypto-agile form with a SHA-256 bank).
/// </summary>
/// <remarks>
/// The log is a story told by the machine. It is believed in one respect only: replayed, it must lead to the quoted PCRs. The two things in it that no
/// PCR binds cannot help a liar: an event relabelled EV_NO_ACTION is left out of the replay, and a false locality changes where PCR 0 begins; either way the
/// replay misses the quoted value, and that value itself is what reference values are compared with.
/// </remarks>
public sealed class EventLog
{
    public const int MaxSizeInBytes = 512 * 1024;

    private const int Pcrs = 24;
    private const int MaxAlgorithms = 8;

    private EventLog(int startupLocality, IReadOnlyList<MeasuredEvent> events) => (StartupLocality, Events) = (startupLocality, events);

    /// <summary>Locality of TPM2_Startup, 0, 3 or 4: the last byte of PCR 0 before the first event.</summary>
    public int StartupLocality { get; }

    /// <summary>The events that were extended, oldest first.</summary>
    public IReadOnlyList<MeasuredEvent> Events { get; }

    /// <exception cref="MalformedException">
    /// Not such a log from first byte to last: no SHA-256 bank, an algorithm missing, extra or twice in an event, a PCR above 23, a length beyond the end.
    /// </exception>
    public static EventLog Parse(ReadOnlyMemory<byte> log)
    {
        if (log.Length > MaxSizeInBytes) throw new MalformedException(MaxSizeInBytes, $"an event log has {MaxSizeInBytes} bytes at most");
        var reader = new ByteReader(log.Span);
        var algorithms = ReadHeader(ref reader);
        var events = new List<MeasuredEvent>();
        int? locality = null;
        while (reader.Remaining > 0)
        {
            var e = ReadEvent(ref reader, log, algorithms);
            if (e.Type != MeasuredEvent.NoAction) events.Add(e);
            else if (e.Data.Span.StartsWith("StartupLocality\0"u8)) locality = ReadLocality(e, reader.Offset, locality, events);
        }
        return new(locality ?? 0, events);
    }

    /// <summary>The values of the SHA-256 PCRs 0 to 23 that these events, and nothing else, lead to from a reset.</summary>
    public IReadOnlyList<Digest> Replay()
    {
        // 17 to 22 begin with all bits set; they belong to a dynamic launch (PC Client Platform TPM Profile, section 4.6.3)
        var values = Enumerable.Range(0, Pcrs).Select(pcr => Enumerable.Repeat(pcr is >= 17 and <= 22 ? (byte)0xFF : (byte)0, Digest.SizeInBytes).ToArray()).ToArray();
        values[0][^1] = (byte)StartupLocality;
        foreach (var e in Events) LibcryptoSha.Sha256(values[e.Pcr], e.Sha256.Span, values[e.Pcr]);
        return [.. values.Select(value => Digest.From(value))];
    }

    /// <summary>A log that <see cref="Parse"/> reads back, with a SHA-256 bank alone: for whoever plays firmware on a software TPM.</summary>
    public static byte[] Compose(IEnumerable<MeasuredEvent> events)
    {
        var log = new ByteWriter().U32Little(0).U32Little(MeasuredEvent.NoAction).Bytes(new byte[20]).U32Little(33)
            .Bytes("Spec ID Event03\0"u8).U32Little(0).Bytes([0, 2, 0, 2]).U32Little(1).Bytes([0x0B, 0x00, Digest.SizeInBytes, 0x00]).U8(0);
        foreach (var e in events)
        {
            log.U32Little((uint)e.Pcr).U32Little(e.Type).U32Little(1).Bytes([0x0B, 0x00]).Bytes(e.Sha256.Span)
                .U32Little((uint)e.Data.Length).Bytes(e.Data.Span);
        }
        return log.ToArray();
    }

    /// <summary>TCG_EfiSpecIDEvent, inside an event of the old form: says which algorithms every later event lists, and how long their digests are.</summary>
    private static Dictionary<ushort, int> ReadHeader(ref ByteReader reader)
    {
        if (reader.U32Little("PCR") != 0 || reader.U32Little("type") != MeasuredEvent.NoAction || reader.Bytes(20, "digest").ContainsAnyExcept((byte)0))
            throw new MalformedException(0, "the log does not begin with its header");
        var size = reader.U32Little("size of the header");
        var header = new ByteReader(reader.Bytes(size <= 1024 ? (int)size : -1, "the header"));
        if (!header.Bytes(16, "signature").SequenceEqual("Spec ID Event03\0"u8)) throw new MalformedException(32, "the log is not of the crypto-agile form");
        header.Bytes(8, "platform class and version");
        var count = header.U32Little("number of algorithms");
        if (count is 0 or > MaxAlgorithms) throw new MalformedException(reader.Offset, $"{count} algorithms, 1 to {MaxAlgorithms} are possible");
        var algorithms = new Dictionary<ushort, int>();
        for (var i = 0; i < count; i++)
        {
            var algorithm = header.U16Little("algorithm");
            var length = header.U16Little("digest size");
            if (length is 0 or > 64 || !algorithms.TryAdd(algorithm, length)) throw new MalformedException(reader.Offset, "an algorithm is listed twice or has no size");
        }
        header.Bytes(header.U8("size of vendor information"), "vendor information");
        header.End("the header");
        if (algorithms.GetValueOrDefault((ushort)TpmAlgorithm.Sha256) != Digest.SizeInBytes) throw new MalformedException(reader.Offset, "the log has no SHA-256 bank");
        return algorithms;
    }

    /// <summary>TCG_PCR_EVENT2.</summary>
    private static MeasuredEvent ReadEvent(ref ByteReader reader, ReadOnlyMemory<byte> log, Dictionary<ushort, int> algorithms)
    {
        var pcr = reader.U32Little("PCR");
        if (pcr >= Pcrs) throw new MalformedException(reader.Offset, $"there is no PCR {pcr}");
        var type = reader.U32Little("type");
        if (reader.U32Little("number of digests") != algorithms.Count) throw new MalformedException(reader.Offset, "an event lists other algorithms than the header");
        ReadOnlySpan<byte> sha256 = default;
        var seen = 0u;
        for (var i = 0; i < algorithms.Count; i++)
        {
            var algorithm = reader.U16Little("algorithm");
            if (!algorithms.TryGetValue(algorithm, out var length)) throw new MalformedException(reader.Offset, "an event lists an algorithm that the header does not");
            var bit = 1u << algorithms.Keys.TakeWhile(key => key != algorithm).Count();
            if ((seen & bit) != 0) throw new MalformedException(reader.Offset, "an event lists an algorithm twice");
            seen |= bit;
            var digest = reader.Bytes(length, "digest");
            if (algorithm == (ushort)TpmAlgorithm.Sha256) sha256 = digest;
        }
        var size = reader.U32Little("size of the event");
        var data = reader.Bytes(size <= MaxSizeInBytes ? (int)size : -1, "the event");
        return new((int)pcr, type, Digest.From(sha256), log.Slice(reader.Offset - data.Length, data.Length));
    }

    /// <summary>TCG_EfiStartupLocalityEvent: once at most, and before anything went into PCR 0.</summary>
    private static int ReadLocality(MeasuredEvent e, int offset, int? before, List<MeasuredEvent> events)
    {
        if (e.Pcr != 0 || e.Data.Length != 17 || before is not null || events.Exists(earlier => earlier.Pcr == 0))
            throw new MalformedException(offset, "the startup locality is not where it belongs");
        return e.Data.Span[16] is 0 or 3 or 4 ? e.Data.Span[16] : throw new MalformedException(offset, "the startup locality is none of 0, 3 and 4");
    }
}
