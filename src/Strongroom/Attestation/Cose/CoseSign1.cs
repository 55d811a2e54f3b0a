using System.Security.Cryptography;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Cose;

/// <summary>
/// A payload with one signature (COSE_Sign1, RFC 9052 section 4.2). The envelope is deterministic CBOR, so that it has one spelling; what is signed is kept as it
/// came. Parsing verifies nothing; ask <see cref="IsSignedBy"/>.
/// </summary>
public sealed class CoseSign1
{
    /// <summary>CBOR tag of COSE_Sign1; it may stand before the array or not.</summary>
    public const ulong Tag = 18;

    /// <summary>ECDSA with SHA-256, SHA-384, SHA-512 (RFC 9053 section 2.1); here only on P-256, P-384 and P-521 respectively.</summary>
    public const long Es256 = -7;
    public const long Es384 = -35;
    public const long Es512 = -36;

    private const long AlgorithmLabel = 1;
    private const long CriticalLabel = 2;

    private CoseSign1(bool isTagged, ReadOnlyMemory<byte> protectedBytes, CborItem protectedHeader, CborItem unprotectedHeader, ReadOnlyMemory<byte> payload, ReadOnlyMemory<byte> signature)
    {
        (IsTagged, ProtectedBytes, ProtectedHeader, UnprotectedHeader, Payload, Signature) = (isTagged, protectedBytes, protectedHeader, unprotectedHeader, payload, signature);
    }

    public bool IsTagged { get; }

    /// <summary>The protected header as it was signed: the content of its byte string.</summary>
    public ReadOnlyMemory<byte> ProtectedBytes { get; }

    /// <summary>A map.</summary>
    public CborItem ProtectedHeader { get; }

    /// <summary>A map that nobody signed: nothing in it can be relied on.</summary>
    public CborItem UnprotectedHeader { get; }

    public ReadOnlyMemory<byte> Payload { get; }

    public ReadOnlyMemory<byte> Signature { get; }

    /// <summary>The algorithm of the protected header; null where it names none, or one by text. An algorithm in the unprotected header is nobody's word and does not count.</summary>
    public long? Algorithm => ProtectedHeader.Find(AlgorithmLabel) is { Kind: CborKind.Natural or CborKind.Negative } algorithm ? algorithm.I64("the algorithm") : null;

    /// <summary>The labels that a reader must understand or refuse the message (RFC 9052 section 3.1); empty where none is critical.</summary>
    public IReadOnlyList<CborItem> Critical => ProtectedHeader.Find(CriticalLabel)?.Array("crit") ?? [];

    /// <param name="bytes">The whole message, with its tag or without.</param>
    /// <exception cref="MalformedException">Anything else; also a detached payload, and a label in both headers.</exception>
    public static CoseSign1 Parse(ReadOnlyMemory<byte> bytes)
    {
        var item = CborItem.Parse(bytes, CborForm.Deterministic);
        var message = item.Tagged(Tag);
        if ((message ?? item).Array("COSE_Sign1") is not [var protectedHeader, var unprotectedHeader, var payload, var signature]) throw new MalformedException(-1, "COSE_Sign1 has four members");
        var protectedBytes = protectedHeader.Bytes("the protected header");
        var header = CborItem.Parse(protectedBytes.IsEmpty ? new byte[] { 0xA0 } : protectedBytes, CborForm.Deterministic); // no bytes are the one spelling of no entries
        if (!protectedBytes.IsEmpty && header.Map("the protected header").Count == 0) throw new MalformedException(-1, "an empty protected header has no bytes");
        HashSet<string> signed = [.. header.Entries.Select(entry => Convert.ToHexString(entry.Key.Encoded.Span))];
        foreach (var (label, _) in unprotectedHeader.Map("the unprotected header"))
        {
            if (signed.Contains(Convert.ToHexString(label.Encoded.Span))) throw new MalformedException(-1, "a label stands in both headers");
        }
        if (header.Find(CriticalLabel) is { } critical && critical.Array("crit").Count == 0) throw new MalformedException(-1, "crit names at least one label");
        return new(message is not null, protectedBytes, header, unprotectedHeader, payload.Bytes("the payload"), signature.Bytes("the signature"));
    }

    /// <summary>What the signature covers: Sig_structure of RFC 9052 section 4.4, without external data.</summary>
    public byte[] ToBeSigned() => ToBeSigned(ProtectedBytes.Span, Payload.Span);

    public static byte[] ToBeSigned(ReadOnlySpan<byte> protectedBytes, ReadOnlySpan<byte> payload) =>
        new CborWriter().Array(4).Text("Signature1").Bytes(protectedBytes).Bytes([]).Bytes(payload).ToArray();

    /// <summary>True when this key made the signature by the algorithm that the protected header names, and the key is of that algorithm's curve.</summary>
    public bool IsSignedBy(ECDsa key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var (hash, bits) = Algorithm switch
        {
            Es256 => (HashAlgorithmName.SHA256, 256),
            Es384 => (HashAlgorithmName.SHA384, 384),
            Es512 => (HashAlgorithmName.SHA512, 521),
            _ => (default, 0),
        };
        return key.KeySize == bits && Signature.Length == 2 * ((bits + 7) / 8)
            && key.VerifyData(ToBeSigned(), Signature.Span, hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    /// <summary>The message as it came, byte for byte.</summary>
    public byte[] ToBytes()
    {
        var writer = new CborWriter();
        if (IsTagged) writer.Tag(Tag);
        return writer.Array(4).Bytes(ProtectedBytes.Span).Encoded(UnprotectedHeader.Encoded.Span).Bytes(Payload.Span).Bytes(Signature.Span).ToArray();
    }
}
