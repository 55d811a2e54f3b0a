using System.Security.Cryptography;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Corim;

/// <summary>A CoRIM and everything that judging it needs.</summary>
/// <param name="Corim">Bytes: a signed CoRIM, also in the wrapping of older tools.</param>
/// <param name="At">The time for validity.</param>
public sealed record CorimRequest(ReadOnlyMemory<byte> Corim, DateTimeOffset At)
{
    /// <summary>Public keys whose word counts, each a DER SubjectPublicKeyInfo of P-256, P-384 or P-521. A key or certificate in the CoRIM itself is not looked at.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Signers { get; init; } = [];

    /// <summary>Profiles that the caller understands, with their extensions: URIs, or object identifiers as <c>111:HEX</c>. A CoRIM without a profile needs none.</summary>
    public IReadOnlySet<string> Profiles { get; init; } = new HashSet<string>();

    /// <summary>The highest version of each tag that was accepted before, by its id: a lower one takes back what replaced it.</summary>
    public IReadOnlyDictionary<string, ulong> Versions { get; init; } = new Dictionary<string, ulong>();
}

/// <summary>What the verification of a CoRIM came to.</summary>
/// <param name="Values">Null unless every check passed.</param>
/// <param name="Checks">In the order of spec/corim.md.</param>
/// <param name="NotRead">Parts of the CoRIM that say more than reference values, and are not read here.</param>
public sealed record CorimVerdict(VouchedValues? Values, IReadOnlyList<Check> Checks, IReadOnlyList<string> NotRead)
{
    public IEnumerable<Check> Failures => Checks.Where(check => check.Result == CheckResult.Failed);
}

/// <summary>A signed CoRIM (draft-ietf-rats-corim, section Signed CoRIM): COSE_Sign1 around reference values.</summary>
public static class SignedCorim
{
    private const ulong OldWrapping = 500;
    private const ulong OldSignedWrapping = 502;
    private const ulong Unsigned = 501;
    private const int AlgorithmLabel = 1;
    private const int ContentTypeLabel = 3;
    private const int KeyIdLabel = 4;
    private const int MetaLabel = 8;
    private const string ContentType = "application/rim+cbor";
    private static readonly string?[] Curves = [ECCurve.NamedCurves.nistP256.Oid.Value, ECCurve.NamedCurves.nistP384.Oid.Value, ECCurve.NamedCurves.nistP521.Oid.Value];

    /// <exception cref="MalformedException">No CoRIM, signed or not.</exception>
    public static CorimVerdict Verify(CorimRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var (message, bytes) = Open(request.Corim);
        var document = CorimDocument.Parse(message?.Payload ?? bytes);
        var findings = new Findings("corim", request.At, new HashSet<CheckGroup>());
        findings.Check("corim.1", "the CoRIM is signed", message is not null);
        var period = message is null ? null : Signed(message, request, findings);
        findings.Check("corim.5.values", "the time is in the period of the reference values, where they have one", document.Validity is not { } own || own.Holds(request.At), document.Validity?.ToString());
        findings.Check("corim.6", "the profile is one that the caller understands", document.Profile is not { } profile || request.Profiles.Contains(profile), document.Profile);
        findings.Check("corim.7", "every member is one of the specification, or the profile explains it", document.Unknown.Count == 0 || (document.Profile is { } known && request.Profiles.Contains(known)), Listed(document.Unknown));
        var old = document.Tags.Where(tag => request.Versions.TryGetValue(tag.Id, out var newest) && tag.Version < newest).Select(tag => $"{tag.Id} has version {tag.Version}, {request.Versions[tag.Id]} was seen").ToList();
        findings.Check("corim.8.versions", "no tag is older than one that was accepted before", old.Count == 0, Listed(old));
        findings.Check("corim.8.ids", "no tag stands there twice", document.Tags.DistinctBy(tag => tag.Id).Count() == document.Tags.Count);
        findings.Check("corim.9", "every digest is of a known algorithm and as long as that says", document.BadDigests.Count == 0, Listed(document.BadDigests));
        var result = findings.Result();
        var verified = !result.Failures.Any();
        return new(verified ? new(document.Id, document.Profile, Earlier(period, document.Validity), document.Tags, document.Values) : null, result.Checks, document.NotRead);
    }

    private static (CoseSign1? Message, ReadOnlyMemory<byte> Document) Open(ReadOnlyMemory<byte> bytes)
    {
        var item = CborItem.Parse(bytes, CborForm.AnyOrder);
        if (item.Tagged(OldWrapping) is { } wrapped) item = wrapped;
        if (item.Tagged(OldSignedWrapping) is { } signed) item = signed;
        return item.Tagged(CoseSign1.Tag) is not null || item.Kind == CborKind.Array ? (CoseSign1.Parse(item.Encoded), default)
            : item.Tagged(Unsigned) is not null ? (null, item.Encoded) : throw new MalformedException(0, "neither a signed CoRIM nor an unsigned one");
    }

    /// <summary>Steps 2 to 5.</summary>
    private static ValidityPeriod? Signed(CoseSign1 message, CorimRequest request, Findings findings)
    {
        var header = message.ProtectedHeader;
        var type = header.Find(ContentTypeLabel) is { Kind: CborKind.Text } text ? text.Text("content type") : "none";
        findings.Check("corim.2.content", "the signer says that it is a CoRIM", type == ContentType, $"expected {ContentType}, found {type}");
        var critical = message.Critical.Where(label => label.Kind != CborKind.Natural || label.U64("crit") is not (AlgorithmLabel or ContentTypeLabel or KeyIdLabel or MetaLabel)).ToList();
        findings.Check("corim.2.critical", "no header is critical that is not understood here", critical.Count == 0, Listed(critical.Select(label => Convert.ToHexStringLower(label.Encoded.Span))));
        findings.Check("corim.3", "the algorithm is ECDSA with SHA-256, SHA-384 or SHA-512", message.Algorithm is CoseSign1.Es256 or CoseSign1.Es384 or CoseSign1.Es512);
        findings.Check("corim.4", "one of the caller's signers signed it", request.Signers.Any(signer => IsBy(message, signer)), $"{request.Signers.Count} signers are trusted");
        var period = header.Find(MetaLabel) is { } meta ? ValidityPeriod.OfMeta(CborItem.Parse(meta.Bytes("corim-meta"), CborForm.AnyOrder)) : null;
        findings.Check("corim.5.signature", "the time is in the period of the signature, which has an end", period is { } there && there.Holds(request.At), period?.ToString() ?? "no period");
        return period;
    }

    /// <summary>The key, in the one spelling that names its curve: tags are counted by signer, and a second spelling would be a signer who never signed anything.</summary>
    /// <param name="signer">DER SubjectPublicKeyInfo.</param>
    /// <exception cref="ArgumentException">No key of P-256, P-384 or P-521, or spelled otherwise.</exception>
    internal static ECDsa KeyOf(ReadOnlyMemory<byte> signer)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportSubjectPublicKeyInfo(signer.Span, out _);
            var curve = key.ExportParameters(false).Curve;
            if (curve.IsNamed && Curves.Contains(curve.Oid.Value) && key.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(signer.Span)) return key;
        }
        catch (CryptographicException e)
        {
            key.Dispose();
            throw new ArgumentException($"a signer is no EC public key: {e.Message}", e);
        }
        key.Dispose();
        throw new ArgumentException("the key of a signer is of P-256, P-384 or P-521, by the name of the curve, with its point in full and nothing after it");
    }

    private static bool IsBy(CoseSign1 message, ReadOnlyMemory<byte> signer)
    {
        using var key = KeyOf(signer);
        return message.IsSignedBy(key);
    }

    private static DateTimeOffset Earlier(ValidityPeriod? signature, ValidityPeriod? values)
    {
        var first = signature?.NotAfter ?? DateTimeOffset.MaxValue;
        return values is { } own && own.NotAfter < first ? own.NotAfter : first;
    }

    private static string? Listed(IEnumerable<string> words) => string.Join("; ", words) is { Length: > 0 } text ? text : null;
}
