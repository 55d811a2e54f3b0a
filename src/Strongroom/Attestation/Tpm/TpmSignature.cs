using Strongroom.Bytes;

namespace Strongroom.Attestation.Tpm;

/// <summary>TPMT_SIGNATURE (TPM 2.0 part 2, section 11.3.4): RSASSA, RSAPSS or ECDSA over SHA-256, SHA-384 or SHA-512.</summary>
public sealed record TpmSignature
{
    private const int MaxNumberInBytes = 512;

    private TpmSignature()
    {
    }

    public required TpmAlgorithm Scheme { get; init; }

    public required TpmAlgorithm Hash { get; init; }

    /// <summary>RSA: the signature; ECDSA: r. Big-endian.</summary>
    public required ReadOnlyMemory<byte> R { get; init; }

    /// <summary>ECDSA: s; empty for RSA.</summary>
    public required ReadOnlyMemory<byte> S { get; init; }

    /// <exception cref="MalformedException">Not exactly one signature of a kind named above.</exception>
    public static TpmSignature Parse(ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        var scheme = (TpmAlgorithm)reader.U16("signature scheme");
        if (scheme is not (TpmAlgorithm.RsaSsa or TpmAlgorithm.RsaPss or TpmAlgorithm.EcDsa))
            throw new MalformedException(reader.Offset, "the signature is not RSASSA, RSAPSS or ECDSA");
        var hash = TpmHash.ReadHash(ref reader, "signature hash");
        var r = reader.Sized16("signature", MaxNumberInBytes).ToArray();
        var s = scheme == TpmAlgorithm.EcDsa ? reader.Sized16("s", MaxNumberInBytes).ToArray() : [];
        reader.End("TPMT_SIGNATURE");
        return new() { Scheme = scheme, Hash = hash, R = r, S = s };
    }

    public byte[] ToBytes()
    {
        var writer = new ByteWriter().U16((ushort)Scheme).U16((ushort)Hash).Sized16(R.Span);
        return (Scheme == TpmAlgorithm.EcDsa ? writer.Sized16(S.Span) : writer).ToArray();
    }

    /// <summary>r and s, each padded to the size of the field; null when one is longer, which no padding may hide.</summary>
    internal byte[]? Fixed(int size) =>
        R.Length <= size && S.Length <= size ? [.. new byte[size - R.Length], .. R.Span, .. new byte[size - S.Length], .. S.Span] : null;
}
