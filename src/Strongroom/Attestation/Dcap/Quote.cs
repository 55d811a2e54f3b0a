using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>tee_type of a quote's header.</summary>
internal enum Tee : uint
{
    Sgx = 0,
    Tdx = 0x81,
}

/// <summary>
/// A quote of Intel's quoting enclaves, versions 3, 4 and 5 (Intel SGX ECDSA QuoteLibReference DCAP API, appendix A; Intel TDX DCAP Quoting Library API, appendix A).
/// Little-endian, except for the numbers of signatures and keys. Nothing of it is verified.
/// </summary>
internal sealed class Quote
{
    public const int HeaderSizeInBytes = 48;

    private const ushort EcdsaP256 = 2;

    private Quote()
    {
    }

    /// <summary>939a7233f79c4ca9940a0db3957f0607: the quoting enclave is Intel's.</summary>
    public static ReadOnlySpan<byte> IntelVendorId => [0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07];

    public required ushort Version { get; init; }

    public required Tee Tee { get; init; }

    /// <summary>The header and the body as they came, with version 5's descriptor between them: what the attestation key signed.</summary>
    public required ReadOnlyMemory<byte> Signed { get; init; }

    /// <summary>The report alone: 384 bytes of an enclave, 584 or 648 of a trust domain.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>r and s, 32 bytes each, big-endian.</summary>
    public required ReadOnlyMemory<byte> Signature { get; init; }

    /// <summary>x and y of the attestation key, 32 bytes each, big-endian.</summary>
    public required ReadOnlyMemory<byte> AttestationKey { get; init; }

    /// <summary>The report of the quoting enclave, 384 bytes.</summary>
    public required ReadOnlyMemory<byte> QeReport { get; init; }

    public required ReadOnlyMemory<byte> QeReportSignature { get; init; }

    public required ReadOnlyMemory<byte> QeAuthenticationData { get; init; }

    /// <summary>1 to 5; 6 is the envelope of versions 4 and 5 and was opened.</summary>
    public required ushort CertificationType { get; init; }

    public required ReadOnlyMemory<byte> CertificationData { get; init; }

    /// <summary>What follows the certification data. Platforms pad; no signature covers it and nothing is read from it.</summary>
    public required ReadOnlyMemory<byte> Trailing { get; init; }

    public ReadOnlySpan<byte> VendorId => Signed.Span.Slice(12, 16);

    public ReadOnlySpan<byte> UserData => Signed.Span.Slice(28, 20);

    /// <summary>Whether these are the first bytes of a quote of that kind.</summary>
    public static bool Begins(ReadOnlySpan<byte> bytes, Tee tee) =>
        bytes.Length >= HeaderSizeInBytes && bytes[1] == 0 && bytes[0] is >= 3 and <= 5 && bytes[4] == (byte)tee && bytes.Slice(12, 16).SequenceEqual(IntelVendorId);

    /// <exception cref="MalformedException">Another version, key type, kind or body; a length that does not fit.</exception>
    public static Quote Parse(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes.Span);
        var version = reader.U16Little("version");
        if (version is < 3 or > 5) throw new MalformedException(0, $"quotes have version 3, 4 or 5, not {version}");
        var keyType = reader.U16Little("type of the attestation key");
        if (keyType != EcdsaP256) throw new MalformedException(2, $"attestation keys are of type 2 (ECDSA P-256), not {keyType}");
        var tee = (Tee)reader.U32Little("kind");
        if (tee is not (Tee.Sgx or Tee.Tdx) || (version == 3 && tee != Tee.Sgx)) throw new MalformedException(4, $"version {version} of quotes has no kind {(uint)tee:x}");
        reader.Bytes(HeaderSizeInBytes - 8, "header");
        var body = Take(ref reader, bytes, version == 5 ? DescribedBody(ref reader, tee) : tee == Tee.Sgx ? EnclaveReport.SizeInBytes : TdReport.SizeInBytes, "body");
        var signed = bytes[..reader.Offset];
        var size = reader.U32Little("size of the signature");
        if (size > reader.Remaining) throw new MalformedException(reader.Offset, $"the signature has {size} bytes, {reader.Remaining} are left");
        var data = bytes[..(reader.Offset + (int)size)];
        var inner = new ByteReader(data.Span);
        inner.Bytes(reader.Offset, "quote");
        var signature = Take(ref inner, data, 64, "signature");
        var key = Take(ref inner, data, 64, "attestation key");
        var envelopeEnds = version == 3 ? data.Length : OpenEnvelope(ref inner);
        var report = Take(ref inner, data, EnclaveReport.SizeInBytes, "report of the quoting enclave");
        var reportSignature = Take(ref inner, data, 64, "signature of that report");
        var authentication = Take(ref inner, data, inner.U16Little("size of authentication data"), "authentication data");
        var type = inner.U16Little("type of certification data");
        var certification = Take(ref inner, data, Length(inner.U32Little("size of certification data")), "certification data");
        if (version > 3 && inner.Offset != envelopeEnds) throw new MalformedException(inner.Offset, "the certification data does not fill its envelope");
        if (type is < 1 or > 5) throw new MalformedException(-1, $"certification data is of type 1 to 5, not {type}");
        return new()
        {
            Version = version, Tee = tee, Signed = signed, Body = body, Signature = signature, AttestationKey = key, QeReport = report, QeReportSignature = reportSignature,
            QeAuthenticationData = authentication, CertificationType = type, CertificationData = certification, Trailing = bytes[inner.Offset..],
        };
    }

    /// <summary>The bytes that <see cref="Parse"/> reads back, without what trailed.</summary>
    public byte[] ToBytes()
    {
        var certified = new ByteWriter().Bytes(QeReport.Span).Bytes(QeReportSignature.Span).U16Little((ushort)QeAuthenticationData.Length).Bytes(QeAuthenticationData.Span)
            .U16Little(CertificationType).U32Little((uint)CertificationData.Length).Bytes(CertificationData.Span).ToArray();
        var data = new ByteWriter().Bytes(Signature.Span).Bytes(AttestationKey.Span);
        if (Version > 3) data.U16Little(6).U32Little((uint)certified.Length);
        data.Bytes(certified);
        var all = data.ToArray();
        return new ByteWriter().Bytes(Signed.Span).U32Little((uint)all.Length).Bytes(all).ToArray();
    }

    /// <summary>Version 5 says what its body is; the size must be that body's own.</summary>
    private static int DescribedBody(ref ByteReader reader, Tee tee)
    {
        var type = reader.U16Little("type of the body");
        var size = reader.U32Little("size of the body");
        var (of, expected) = type switch
        {
            1 => (Tee.Sgx, EnclaveReport.SizeInBytes),
            2 => (Tee.Tdx, TdReport.SizeInBytes),
            3 => (Tee.Tdx, TdReport.SizeInBytes15),
            _ => throw new MalformedException(HeaderSizeInBytes, $"bodies are of type 1, 2 or 3, not {type}"),
        };
        return of == tee && size == expected ? expected : throw new MalformedException(HeaderSizeInBytes, $"a body of type {type} with {size} bytes does not fit this quote");
    }

    private static int OpenEnvelope(ref ByteReader reader)
    {
        var type = reader.U16Little("type of certification data");
        if (type != 6) throw new MalformedException(reader.Offset, $"the certification data of this version is of type 6, not {type}");
        var size = Length(reader.U32Little("size of certification data"));
        return size <= reader.Remaining ? reader.Offset + size : throw new MalformedException(reader.Offset, $"the certification data has {size} bytes, {reader.Remaining} are left");
    }

    private static int Length(uint size) => size <= int.MaxValue ? (int)size : -1;

    private static ReadOnlyMemory<byte> Take(ref ByteReader reader, ReadOnlyMemory<byte> from, int size, string what)
    {
        reader.Bytes(size, what);
        return from.Slice(reader.Offset - size, size);
    }
}
