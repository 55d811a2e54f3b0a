using Strongroom.Bytes;

namespace Strongroom.Attestation.Tpm;

/// <summary>One bank of a quote's selection: its hash algorithm's number and its PCRs, ascending (TPMS_PCR_SELECTION).</summary>
public sealed record PcrSelection(ushort Bank, IReadOnlyList<int> Pcrs)
{
    /// <summary>Bytes of the bitmap of 24 PCRs.</summary>
    public const int BitmapInBytes = 3;

    /// <summary>Bit i of byte j is PCR 8j + i.</summary>
    public byte[] Bitmap()
    {
        var bitmap = new byte[BitmapInBytes];
        foreach (var pcr in Pcrs) bitmap[pcr / 8] |= (byte)(1 << (pcr % 8));
        return bitmap;
    }

    /// <exception cref="MalformedException">A bitmap that has not 24 bits.</exception>
    public static PcrSelection Read(ref ByteReader reader)
    {
        var bank = reader.U16("bank");
        var bitmap = reader.U8("size of the bitmap") == BitmapInBytes
            ? reader.Bytes(BitmapInBytes, "bitmap").ToArray()
            : throw new MalformedException(reader.Offset, "a PCR bitmap has 3 bytes");
        return new(bank, [.. Enumerable.Range(0, 8 * BitmapInBytes).Where(pcr => (bitmap[pcr / 8] >> (pcr % 8) & 1) == 1)]);
    }
}

/// <summary>TPMS_ATTEST of a quote (TPM 2.0 part 2, sections 10.12.1 and 10.12.8): what the TPM signed.</summary>
/// <param name="QualifiedSigner">Name of the signing key and of everything above it.</param>
/// <param name="ExtraData">What the caller wanted quoted: the transcript.</param>
/// <param name="Clock">Milliseconds of operation; not used.</param>
/// <param name="ResetCount">TPM resets since the TPM was last cleared.</param>
/// <param name="RestartCount">Suspensions and hibernations since the last reset.</param>
/// <param name="Safe">Whether <paramref name="Clock"/> is certain never to have been reported greater.</param>
/// <param name="FirmwareVersion">The vendor's.</param>
/// <param name="Selections">The PCRs quoted, by bank.</param>
/// <param name="PcrDigest">Hash over the values of these PCRs in this order, by the hash of the signature.</param>
public sealed record TpmQuote(
    ReadOnlyMemory<byte> QualifiedSigner, ReadOnlyMemory<byte> ExtraData, ulong Clock, uint ResetCount, uint RestartCount, bool Safe, ulong FirmwareVersion,
    IReadOnlyList<PcrSelection> Selections, ReadOnlyMemory<byte> PcrDigest)
{
    private const uint Generated = 0xFF544347; // TPM_GENERATED_VALUE: a restricted key signs nothing that came from outside and begins like this
    private const ushort Quote = 0x8018; // TPM_ST_ATTEST_QUOTE

    /// <exception cref="MalformedException">Not exactly one quote: other magic, other type, a field too long, bytes left over.</exception>
    public static TpmQuote Parse(ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        if (reader.U32("magic") != Generated) throw new MalformedException(0, "the magic is not that of a structure made by a TPM");
        if (reader.U16("type") != Quote) throw new MalformedException(4, "the structure attests something else than PCRs");
        var signer = reader.Sized16("qualified signer", 2 + 64).ToArray();
        var extraData = reader.Sized16("extra data", 64).ToArray();
        var clock = reader.U64("clock");
        var resetCount = reader.U32("reset count");
        var restartCount = reader.U32("restart count");
        var safe = reader.U8("safe") switch
        {
            0 => false,
            1 => true,
            _ => throw new MalformedException(reader.Offset, "safe is neither yes nor no"),
        };
        var firmware = reader.U64("firmware version");
        var selections = new PcrSelection[reader.U32("number of selections") is var count and <= 16 ? count : throw new MalformedException(reader.Offset, "more than 16 banks")];
        for (var i = 0; i < selections.Length; i++) selections[i] = PcrSelection.Read(ref reader);
        var digest = reader.Sized16("PCR digest", 64).ToArray();
        reader.End("TPMS_ATTEST");
        return new(signer, extraData, clock, resetCount, restartCount, safe, firmware, selections, digest);
    }

    public byte[] ToBytes()
    {
        var writer = new ByteWriter().U32(Generated).U16(Quote).Sized16(QualifiedSigner.Span).Sized16(ExtraData.Span)
            .U64(Clock).U32(ResetCount).U32(RestartCount).U8(Safe ? (byte)1 : (byte)0).U64(FirmwareVersion).U32((uint)Selections.Count);
        foreach (var selection in Selections) writer.U16(selection.Bank).U8(PcrSelection.BitmapInBytes).Bytes(selection.Bitmap());
        return writer.Sized16(PcrDigest.Span).ToArray();
    }
}
