using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Appraisal;

/// <summary>A list of revoked certificates (CRL, RFC 5280 section 5). Parsing verifies nothing; ask <see cref="IsBy"/>.</summary>
public sealed class RevocationList
{
    private const string DeltaIndicator = "2.5.29.27";
    private const string IssuingDistributionPoint = "2.5.29.28";

    private readonly SignedDer der;
    private readonly HashSet<BigInteger> serials;
    private byte[]? signer;

    private RevocationList(SignedDer der, X500DistinguishedName issuer, DateTimeOffset thisUpdate, DateTimeOffset? nextUpdate, HashSet<BigInteger> serials, IReadOnlySet<string> extensions)
    {
        (this.der, Issuer, ThisUpdate, NextUpdate, this.serials, Extensions) = (der, issuer, thisUpdate, nextUpdate, serials, extensions);
    }

    public X500DistinguishedName Issuer { get; }

    public DateTimeOffset ThisUpdate { get; }

    /// <summary>Null where the list does not say; such a list never grows old and therefore does not count.</summary>
    public DateTimeOffset? NextUpdate { get; }

    public int Count => serials.Count;

    /// <summary>Object identifiers of the list's own extensions: some vendors promise a number and the issuer's key identifier.</summary>
    internal IReadOnlySet<string> Extensions { get; }

    /// <summary>The one place for whose certificates the list speaks, where it says so (RFC 5280 section 5.2.5): an issuer may keep several lists. Null: it speaks for all of its issuer's.</summary>
    internal string? DistributionPoint { get; private init; }

    /// <summary>SHA-256 of what is signed: the same for two copies of one list, and for no two lists.</summary>
    internal Digest Content => Digest.Of(der.Signed.Span);

    /// <param name="bytes">DER.</param>
    /// <exception cref="MalformedException">No CRL, a delta, or one with a critical extension that is not understood.</exception>
    public static RevocationList Parse(ReadOnlyMemory<byte> bytes)
    {
        var der = SignedDer.Parse(bytes);
        try
        {
            var list = new AsnReader(der.Signed, AsnEncodingRules.DER).ReadSequence();
            if (list.PeekTag().HasSameClassAndValue(Asn1Tag.Integer) && list.ReadInteger() != 1) throw new MalformedException(-1, "a revocation list has version 2");
            if (!list.ReadEncodedValue().Span.SequenceEqual(der.Algorithm.Span)) throw new MalformedException(-1, "a revocation list names two algorithms");
            var issuer = new X500DistinguishedName(list.ReadEncodedValue().Span);
            var thisUpdate = Time(list);
            DateTimeOffset? nextUpdate = list.HasData && IsTime(list.PeekTag()) ? Time(list) : null;
            var serials = list.HasData && list.PeekTag().HasSameClassAndValue(Asn1Tag.Sequence) ? Serials(list.ReadSequence()) : [];
            string? point = null;
            HashSet<string> extensions = list.HasData ? RequireKnown(list.ReadSequence(new(TagClass.ContextSpecific, 0)).ReadSequence(), out point) : [];
            list.ThrowIfNotEmpty();
            return new(der, issuer, thisUpdate, nextUpdate, serials, extensions) { DistributionPoint = point };
        }
        catch (AsnContentException e)
        {
            throw new MalformedException(-1, $"no revocation list: {e.Message}");
        }
    }

    /// <summary>Whether a DER value has the shape of a list, usable or not: after algorithm and issuer a certificate has a sequence, a list a time.</summary>
    internal static bool LooksLikeOne(ReadOnlyMemory<byte> der)
    {
        try
        {
            var list = new AsnReader(der, AsnEncodingRules.DER).ReadSequence().ReadSequence();
            if (list.PeekTag().HasSameClassAndValue(Asn1Tag.Integer)) list.ReadIntegerBytes();
            list.ReadSequence();
            list.ReadSequence();
            return IsTime(list.PeekTag());
        }
        catch (AsnContentException)
        {
            return false;
        }
    }

    /// <summary>True when this authority issued and signed the list.</summary>
    public bool IsBy(X509Certificate2 authority)
    {
        // A list outlives many appraisals: whose it was found to be is remembered, which is never what a list says but what a signature showed.
        if (signer is not null && authority.RawDataMemory.Span.SequenceEqual(signer)) return true;
        if (!Issuer.RawData.AsSpan().SequenceEqual(authority.SubjectName.RawData) || !der.IsSignedBy(authority)) return false;
        signer = authority.RawData;
        return true;
    }

    /// <summary>Whether silence about the certificate says that it was not taken back: not where the list is another one of the same issuer's.</summary>
    internal bool Covers(X509Certificate2 certificate) => DistributionPoint is null || DistributionPoint == Appraisal.DistributionPoint.Of(certificate);

    /// <summary>Whether the other is a list of the same place by the same issuer, of any date. An issuer may keep several that do not say which they are.</summary>
    internal bool IsOfTheSource(RevocationList other) => Issuer.RawData.AsSpan().SequenceEqual(other.Issuer.RawData) && DistributionPoint == other.DistributionPoint;

    public bool Lists(X509Certificate2 certificate) => serials.Contains(new BigInteger(certificate.SerialNumberBytes.Span, isUnsigned: false, isBigEndian: true));

    private static HashSet<BigInteger> Serials(AsnReader entries)
    {
        HashSet<BigInteger> serials = [];
        while (entries.HasData)
        {
            var entry = entries.ReadSequence();
            serials.Add(entry.ReadInteger());
            Time(entry);
            if (entry.HasData) RequireKnown(entry.ReadSequence(), out _);
            entry.ThrowIfNotEmpty();
        }
        return serials;
    }

    /// <summary>Whoever does not understand a critical extension must not use the list (RFC 5280 section 5.2): it might list fewer than all.</summary>
    private static HashSet<string> RequireKnown(AsnReader extensions, out string? point)
    {
        HashSet<string> known = [];
        point = null;
        while (extensions.HasData)
        {
            var extension = extensions.ReadSequence();
            var oid = extension.ReadObjectIdentifier();
            var critical = extension.PeekTag().HasSameClassAndValue(Asn1Tag.Boolean) && extension.ReadBoolean();
            var value = extension.ReadOctetString();
            extension.ThrowIfNotEmpty();
            if (oid == IssuingDistributionPoint) point = Appraisal.DistributionPoint.OfList(value) ?? throw new MalformedException(-1, "a revocation list for some reasons or some kinds of certificates lists fewer than all");
            else if (critical || oid == DeltaIndicator) throw new MalformedException(-1, $"a revocation list with the extension {oid} may list fewer than all");
            if (!known.Add(oid)) throw new MalformedException(-1, $"a revocation list with the extension {oid} twice");
        }
        return known;
    }

    private static bool IsTime(Asn1Tag tag) => tag.HasSameClassAndValue(Asn1Tag.UtcTime) || tag.HasSameClassAndValue(Asn1Tag.GeneralizedTime);

    private static DateTimeOffset Time(AsnReader reader) => reader.PeekTag().HasSameClassAndValue(Asn1Tag.UtcTime) ? reader.ReadUtcTime(2049) : reader.ReadGeneralizedTime();
}
