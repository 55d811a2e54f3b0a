using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nvidia;

/// <summary>The endorsements that concern NVIDIA devices, read once: RIMs, bare or as NVIDIA's RIM service wraps them in JSON, and words on revocation. Signatures that hold are remembered.</summary>
internal sealed class NvidiaEndorsements
{
    private const int MaxRemembered = 10_000;

    private readonly Endorsements endorsements;
    private readonly List<OcspResponse> responses = [];

    /// <summary>Who speaks for an issuer in a response or a list. Issuers go by all their bytes: certificates count as equal elsewhere when only name and number agree.</summary>
    private readonly Remembered<(object Word, Digest Issuer), X509Certificate2?> speakers = new(MaxRemembered);

    public NvidiaEndorsements(Endorsements endorsements)
    {
        this.endorsements = endorsements;
        List<UnverifiedRim> rims = [];
        List<BrokenDocument> broken = [];
        foreach (var document in Documents(endorsements))
        {
            try
            {
                rims.Add(UnverifiedRim.Parse(document.Bytes));
            }
            catch (MalformedException e)
            {
                broken.Add(new(document, $"{document.Name}: {e.Message}"));
            }
        }
        (Rims, BrokenRims) = (rims, broken);
        Roots = [.. endorsements.Certificates.Where(each => each.SubjectName.RawData.AsSpan().SequenceEqual(each.IssuerName.RawData))];
        foreach (var document in endorsements.Der)
        {
            try
            {
                responses.Add(OcspResponse.Parse(document.Bytes));
            }
            catch (MalformedException)
            {
                // DER of another vendor, or a response that says nothing: what it might have answered is missed where it is needed.
            }
        }
    }

    public IReadOnlyList<X509Certificate2> Certificates => endorsements.Certificates;

    /// <summary>For chains that come without theirs; which of them counts is a matter of pins.</summary>
    public IReadOnlyList<X509Certificate2> Roots { get; }

    public IReadOnlyList<UnverifiedRim> Rims { get; }

    /// <summary>Documents that want to be RIMs and are none.</summary>
    public IReadOnlyList<BrokenDocument> BrokenRims { get; }

    /// <summary>Every word on this certificate that its issuer stands behind, from OCSP responses and revocation lists.</summary>
    public IEnumerable<OcspAnswer> WordsOn(X509Certificate2 certificate, X509Certificate2 issuer, DateTimeOffset at)
    {
        foreach (var response in responses)
        {
            if (response.Of(certificate, issuer) is { } answer && Speaker(response, issuer, response.SpeakerFor) is { } by && IsInTime(by, issuer, at)) yield return answer;
        }
        foreach (var list in endorsements.RevocationLists)
        {
            if (Speaker(list, issuer, each => list.IsBy(each) ? each : null) is not null && (list.Covers(certificate) || list.Lists(certificate))) yield return new(list.Lists(certificate) ? OcspStatus.Revoked : OcspStatus.Good, list.ThisUpdate, list.NextUpdate);
        }
    }

    private X509Certificate2? Speaker(object word, X509Certificate2 issuer, Func<X509Certificate2, X509Certificate2?> find)
    {
        var key = (word, Digest.Of(issuer.RawDataMemory.Span));
        if (speakers.TryGet(key, out var known)) return known;
        X509Certificate2? found;
        try
        {
            found = find(issuer);
        }
        catch (Exception e) when (e is CryptographicException or MalformedException) // a responder's certificate with something in it that cannot be read speaks for nobody
        {
            found = null;
        }
        return speakers.Add(key, found);
    }

    /// <summary>The issuer's own times are checked with its chain; a responder has times of its own.</summary>
    private static bool IsInTime(X509Certificate2 speaker, X509Certificate2 issuer, DateTimeOffset at) =>
        speaker.RawDataMemory.Span.SequenceEqual(issuer.RawDataMemory.Span) || (at >= speaker.NotBefore.ToUniversalTime() && at <= speaker.NotAfter.ToUniversalTime());

    private static IEnumerable<EndorsementDocument> Documents(Endorsements endorsements)
    {
        foreach (var document in endorsements.Xml)
        {
            if (document.Bytes.Span.IndexOf("SoftwareIdentity"u8) >= 0) yield return document;
        }
        foreach (var document in endorsements.Json)
        {
            if (Wrapped(document.Bytes) is { } rim) yield return new(document.Name, rim);
        }
    }

    /// <summary>The RIM service's answer: an object whose member <c>rim</c> is the document in base64. Its other members are nobody's word.</summary>
    private static byte[]? Wrapped(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new() { AllowDuplicateProperties = false, MaxDepth = 8 });
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("rim", out var rim) || rim.ValueKind != JsonValueKind.String) return null;
            var text = rim.GetString()!;
            return Base64.IsValid(text) && Convert.FromBase64String(text) is var bytes && bytes.AsSpan().IndexOf("SoftwareIdentity"u8) >= 0 ? bytes : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
