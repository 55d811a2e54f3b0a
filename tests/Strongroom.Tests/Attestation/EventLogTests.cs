using System.Buffers.Binary;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation;

public sealed class EventLogTests
{
    private static readonly MeasuredEvent Firmware = TestTpm.Event(0, 1, "firmware"u8);

    [Fact]
    public void Replays_to_the_hash_chain_of_its_events()
    {
        var values = EventLog.Parse(EventLog.Compose([Firmware, TestTpm.Event(4, MeasuredEvent.Separator, new byte[4])])).Replay();
        Assert.Equal(Digest.Of([.. new byte[32], .. Digest.Of("firmware"u8).Span]), values[0]);
        Assert.Equal(Digest.Of([.. new byte[32], .. Digest.Of(new byte[4]).Span]), values[4]);
        Assert.Equal(Digest.From(new byte[32]), values[1]);
        Assert.Equal(Digest.From(Enumerable.Repeat((byte)0xFF, 32).ToArray()), values[17]);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void The_startup_locality_is_where_PCR_0_begins(byte locality)
    {
        var log = EventLog.Parse(EventLog.Compose([Locality(locality), Firmware]));
        byte[] start = new byte[32];
        start[31] = locality;
        Assert.Equal(locality, log.StartupLocality);
        Assert.Equal(Digest.Of([.. start, .. Digest.Of("firmware"u8).Span]), log.Replay()[0]);
    }

    [Fact]
    public void Refuses_an_impossible_locality() => Refused([Locality(1)]);

    [Fact]
    public void Refuses_a_second_locality() => Refused([Locality(3), Locality(3)]);

    [Fact]
    public void Refuses_a_locality_after_the_first_measurement() => Refused([Firmware, Locality(3)]);

    [Fact]
    public void Refuses_a_locality_of_another_register() => Refused([Locality(3) with { Pcr = 1 }]);

    [Fact]
    public void Refuses_a_register_that_no_TPM_has() => Refused([Firmware with { Pcr = 24 }]);

    [Fact]
    public void Does_not_replay_what_was_not_extended() =>
        Assert.Empty(EventLog.Parse(EventLog.Compose([Firmware with { Type = 3 }])).Events);

    [Fact]
    public void Refuses_truncation_at_every_byte_that_is_not_the_end_of_an_event()
    {
        var log = EventLog.Compose([Firmware, Firmware]);
        var header = EventLog.Compose([]).Length;
        var ends = new HashSet<int> { header, EventLog.Compose([Firmware]).Length };
        for (var length = 0; length < log.Length; length++)
        {
            if (ends.Contains(length)) Assert.NotNull(EventLog.Parse(log.AsMemory(0, length)));
            else Assert.Throws<MalformedException>(() => EventLog.Parse(log.AsMemory(0, length)));
        }
    }

    [Fact]
    public void Refuses_trailing_bytes() => Assert.Throws<MalformedException>(() => EventLog.Parse((byte[])[.. EventLog.Compose([Firmware]), 0]));

    [Theory]
    [InlineData(28, 2u)] // size of the header
    [InlineData(28, 0xFFFFFFFFu)]
    [InlineData(32, 0u)] // its signature
    [InlineData(56, 0u)] // number of algorithms
    [InlineData(56, 9u)]
    [InlineData(56, 2u)]
    [InlineData(60, 0x0020_000Cu)] // SHA-384 alone
    [InlineData(60, 0x0014_000Bu)] // SHA-256 of 20 bytes
    [InlineData(64, 1u)] // vendor information
    [InlineData(65, 24u)] // PCR
    [InlineData(73, 0u)] // number of digests
    [InlineData(73, 2u)]
    [InlineData(73, 0xFFFFFFFFu)]
    [InlineData(77, 0x0000_0004u)] // algorithm of the digest
    [InlineData(111, 9u)] // size of the event
    [InlineData(111, 0x7FFFFFFFu)]
    [InlineData(111, 0xFFFFFFFFu)]
    public void Refuses_lengths_and_numbers_that_do_not_fit(int at, uint value)
    {
        var log = EventLog.Compose([Firmware]);
        BinaryPrimitives.WriteUInt32LittleEndian(log.AsSpan(at), value);
        Assert.Throws<MalformedException>(() => EventLog.Parse(log));
    }

    [Fact]
    public void Refuses_a_log_longer_than_anyone_will_read() => Refused([Firmware with { Data = new byte[EventLog.MaxSizeInBytes] }]);

    [Fact]
    public void Refuses_an_empty_log_whose_header_has_no_SHA256_bank()
    {
        var log = EventLog.Compose([]);
        BinaryPrimitives.WriteUInt32LittleEndian(log.AsSpan(60), 0x0030_000C); // SHA-384 alone
        Assert.Throws<MalformedException>(() => EventLog.Parse(log));
    }

    private static MeasuredEvent Locality(byte locality) => TestTpm.Event(0, 3, [.. "StartupLocality\0"u8, locality]);

    private static void Refused(IEnumerable<MeasuredEvent> events) => Assert.Throws<MalformedException>(() => EventLog.Parse(EventLog.Compose(events)));
}
