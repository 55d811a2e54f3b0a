using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Appraisal;

internal enum OcspStatus
{
    Good,
    Revoked,
    Unknown,
}

/// <summary>What a response says of one certificate.</summary>
internal sealed record OcspAnswer(OcspStatus Status, DateTimeOffset ThisUpdate, DateTimeOffset? NextUpdate);

/// <summary>A responder's signed word on certificates (OCSP, RFC 6960 section 4.2). Parsing verifies nothing; ask <see cref="SpeakerFor"/>. Nonces do not count: a stored response answers nobody's.</summary>
internal sealed class OcspResponse
{
    private const string Basic = "1.3.6.1.5.5.7.48.1.1";
    private const string OcspSigning = "1.3.6.1.5.5.7.3.9";
    private const int MaxAnswers = 1000;
    private const int MaxCertificates = 8;

    private readonly SignedDer der;
    private readonly ReadOnlyMemory<byte> responder;
    private readonly IReadOnlyList<X509Certificate2> certificates;
    private readonly IReadOnlyList<(CertificateId Id, OcspAnswer Answer)> answers;

    private OcspResponse(SignedDer der, ReadOnlyMemory<byte> responder, IReadOnlyList<X509Certificate2> certificates, IReadOnlyList<(CertificateId, OcspAnswer)> answers)
    {
        (this.der, this.responder, this.certificates, this.answers) = (der, responder, certificates, answers);
    }

    /// <summary>RFC 6960 section 4.1.1: a certificate by its serial number and the hashes of its issuer's name and key.</summary>
    private sealed record CertificateId(HashAlgorithmName Hash, byte[] Name, byte[] Key, byte[] Serial)
    {
        public bool Names(X509Certificate2 certificate, X509Certificate2 issuer) =>
            Serial.AsSpan().SequenceEqual(certificate.SerialNumberBytes.Span)
            && CryptographicOperations.HashData(Hash, issuer.SubjectName.RawData).AsSpan().SequenceEqual(Name)
            && CryptographicOperations.HashData(Hash, issuer.PublicKey.EncodedKeyValue.RawData).AsSpan().SequenceEqual(Key);
    }

    /// <param name="bytes">OCSPResponse, DER.</param>
    /// <exception cref="MalformedException">Something else, a response that says only that there is none, or one with a critical extension that is not understood.</exception>
    public static OcspResponse Parse(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            var reader = new AsnReader(bytes, AsnEncodingRules.DER);
            var outer = reader.ReadSequence();
            reader.ThrowIfNotEmpty();
            if (outer.ReadEnumeratedBytes().Span is not [0]) throw new MalformedException(-1, "an OCSP responder that had no answer");
            var body = outer.ReadSequence(new(TagClass.ContextSpecific, 0)).ReadSequence();
            outer.ThrowIfNotEmpty();
            if (body.ReadObjectIdentifier() != Basic) throw new MalformedException(-1, "no basic OCSP response");
            var basic = new AsnReader(body.ReadOctetString(), AsnEncodingRules.DER).ReadSequence();
            var signed = basic.ReadEncodedValue();
            var der = SignedDer.Parse(Three(signed, basic.ReadEncodedValue(), basic.ReadEncodedValue()));
            var certificates = basic.HasData ? Certificates(basic.ReadSequence(new(TagClass.ContextSpecific, 0)).ReadSequence()) : [];
            basic.ThrowIfNotEmpty();
            var data = new AsnReader(signed, AsnEncodingRules.DER).ReadSequence();
            if (Is(data, 0) && data.ReadSequence(new(TagClass.ContextSpecific, 0)).ReadInteger() != 0) throw new MalformedException(-1, "OCSP has version 1");
            var responder = data.ReadEncodedValue();
            data.ReadGeneralizedTime();
            var answers = ReadAnswers(data.ReadSequence());
            if (data.HasData) RequireKnown(data.ReadSequence(new(TagClass.ContextSpecific, 1)).ReadSequence());
            data.ThrowIfNotEmpty();
            return new(der, responder, certificates, answers);
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            throw new MalformedException(-1, $"no OCSP response: {e.Message}");
        }
    }

    /// <summary>Whichever certificates they are on.</summary>
    public IEnumerable<OcspAnswer> Answers => answers.Select(each => each.Answer);

    /// <summary>What is said of a certificate; null when nothing is.</summary>
    public OcspAnswer? Of(X509Certificate2 certificate, X509Certificate2 issuer) => answers.FirstOrDefault(each => each.Id.Names(certificate, issuer)).Answer;

    /// <summary>Who signed with the right to speak for this authority: itself, or a responder to whom it gave that right (RFC 6960 section 4.2.2.2), whose times are the caller's to check. Null for anybody else.</summary>
    public X509Certificate2? SpeakerFor(X509Certificate2 authority) =>
        IsResponder(authority) && der.IsSignedBy(authority) ? authority : certificates.FirstOrDefault(each => IsResponder(each) && MaySpeakFor(authority, each) && der.IsSignedBy(each));

    private static bool MaySpeakFor(X509Certificate2 authority, X509Certificate2 responder) =>
        responder.IssuerName.RawData.AsSpan().SequenceEqual(authority.SubjectName.RawData)
        && responder.Extensions.OfType<X509EnhancedKeyUsageExtension>().Any(usage => usage.EnhancedKeyUsages.Cast<Oid>().Any(oid => oid.Value == OcspSigning))
        && responder.Extensions.OfType<X509KeyUsageExtension>().All(usage => usage.KeyUsages.HasFlag(X509KeyUsageFlags.DigitalSignature))
        && SignedDer.Parse(responder.RawDataMemory).IsSignedBy(authority);

    /// <summary>ResponderID: [1] the name, or [2] the SHA-1 of the key, which picks a certificate and proves nothing.</summary>
    private bool IsResponder(X509Certificate2 certificate)
    {
        var reader = new AsnReader(responder, AsnEncodingRules.DER);
        if (Is(reader, 1)) return reader.ReadSequence(new(TagClass.ContextSpecific, 1)).PeekEncodedValue().Span.SequenceEqual(certificate.SubjectName.RawData);
        var key = reader.ReadSequence(new(TagClass.ContextSpecific, 2)).ReadOctetString();
        return CryptographicOperations.HashData(HashAlgorithmName.SHA1, certificate.PublicKey.EncodedKeyValue.RawData).AsSpan().SequenceEqual(key);
    }

    private static List<(CertificateId, OcspAnswer)> ReadAnswers(AsnReader list)
    {
        List<(CertificateId, OcspAnswer)> answers = [];
        while (list.HasData)
        {
            if (answers.Count == MaxAnswers) throw new MalformedException(-1, $"an OCSP response has {MaxAnswers} answers at most");
            var answer = list.ReadSequence();
            var id = answer.ReadSequence();
            var hash = HashOf(id.ReadSequence().ReadObjectIdentifier());
            var named = new CertificateId(hash, id.ReadOctetString(), id.ReadOctetString(), id.ReadIntegerBytes().ToArray());
            id.ThrowIfNotEmpty();
            var status = answer.PeekTag() switch
            {
                { TagClass: TagClass.ContextSpecific, TagValue: 0 } => OcspStatus.Good,
                { TagClass: TagClass.ContextSpecific, TagValue: 1 } => OcspStatus.Revoked,
                { TagClass: TagClass.ContextSpecific, TagValue: 2 } => OcspStatus.Unknown,
                _ => throw new MalformedException(-1, "an OCSP answer is good, revoked or unknown"),
            };
            answer.ReadEncodedValue();
            var thisUpdate = answer.ReadGeneralizedTime();
            DateTimeOffset? nextUpdate = Is(answer, 0) ? answer.ReadSequence(new(TagClass.ContextSpecific, 0)).ReadGeneralizedTime() : null;
            if (answer.HasData) RequireKnown(answer.ReadSequence(new(TagClass.ContextSpecific, 1)).ReadSequence());
            answer.ThrowIfNotEmpty();
            answers.Add((named, new(status, thisUpdate, nextUpdate)));
        }
        return answers;
    }

    private static List<X509Certificate2> Certificates(AsnReader list)
    {
        List<X509Certificate2> certificates = [];
        while (list.HasData)
        {
            if (certificates.Count == MaxCertificates) throw new MalformedException(-1, $"an OCSP response has {MaxCertificates} certificates at most");
            certificates.Add(X509CertificateLoader.LoadCertificate(list.ReadEncodedValue().Span));
        }
        return certificates;
    }

    /// <summary>Whoever does not understand a critical extension must not use the answer.</summary>
    private static void RequireKnown(AsnReader extensions)
    {
        while (extensions.HasData)
        {
            var extension = extensions.ReadSequence();
            var oid = extension.ReadObjectIdentifier();
            if (extension.PeekTag().HasSameClassAndValue(Asn1Tag.Boolean) && extension.ReadBoolean()) throw new MalformedException(-1, $"the critical extension {oid} is not understood");
        }
    }

    private static byte[] Three(ReadOnlyMemory<byte> signed, ReadOnlyMemory<byte> algorithm, ReadOnlyMemory<byte> signature)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteEncodedValue(signed.Span);
            writer.WriteEncodedValue(algorithm.Span);
            writer.WriteEncodedValue(signature.Span);
        }
        return writer.Encode();
    }

    /// <summary>SHA-1 only picks the certificate that is meant; who may speak for it is decided by its issuer's key.</summary>
    private static HashAlgorithmName HashOf(string oid) => oid switch
    {
        "1.3.14.3.2.26" => HashAlgorithmName.SHA1,
        "2.16.840.1.101.3.4.2.1" => HashAlgorithmName.SHA256,
        "2.16.840.1.101.3.4.2.2" => HashAlgorithmName.SHA384,
        "2.16.840.1.101.3.4.2.3" => HashAlgorithmName.SHA512,
        _ => throw new MalformedException(-1, $"the hash {oid} does not count here"),
    };

    private static bool Is(AsnReader reader, int tag) => reader.HasData && reader.PeekTag().HasSameClassAndValue(new(TagClass.ContextSpecific, tag));
}
