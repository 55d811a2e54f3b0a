using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Dcap;
using Strongroom.Attestation.Nvidia;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Appraisal;

/// <summary>An endorsement in somebody's hands, as a list shows it. Whether it is genuine is found out where it is used.</summary>
/// <param name="Form">certificate, revocation list, tcb info, qe identity, rim, ocsp response; json, xml or der for what is none of these.</param>
/// <param name="What">What it is about, or the name of its file.</param>
/// <param name="Issued">Of a RIM, which has no day of its own: since when all its certificates are valid. Null where it does not say.</param>
/// <param name="Expires">Null where it does not say.</param>
/// <param name="Stale">Past its time, not yet valid, older than allowed, or not to be read.</param>
public sealed record HeldEndorsement(string Form, string What, DateTimeOffset? Issued, DateTimeOffset? Expires, bool Stale)
{
    /// <param name="held">Also what lies in JSON that holds all collateral at once.</param>
    /// <param name="now">The time to judge by.</param>
    /// <param name="oldest">For what vendors issue again and again: lists, OCSP responses, TCB info and identities.</param>
    public static IReadOnlyList<HeldEndorsement> Of(Endorsements held, DateTimeOffset now, TimeSpan oldest)
    {
        ArgumentNullException.ThrowIfNull(held);
        return
        [
            .. held.Certificates.Select(each => Of(each, now)),
            .. held.RevocationLists.Select(each => Of(each, held, now, oldest)),
            .. held.Json.SelectMany(each => OfJson(each, held, now, oldest)),
            .. held.Xml.SelectMany(each => OfXml(each, now) is { Count: > 0 } rims ? rims : [Unknown("xml", each)]),
            .. held.Der.Select(each => OfDer(each, held, now, oldest)),
        ];
    }

    private static HeldEndorsement Of(X509Certificate2 certificate, DateTimeOffset now)
    {
        var (from, to) = (new DateTimeOffset(certificate.NotBefore), new DateTimeOffset(certificate.NotAfter));
        return new("certificate", certificate.Subject, from, to, now < from || now > to);
    }

    private static HeldEndorsement Of(RevocationList list, Endorsements held, DateTimeOffset now, TimeSpan oldest) =>
        new("revocation list", $"{list.Issuer.Name}, {list.Count} revoked", list.ThisUpdate, list.NextUpdate, list.NextUpdate is not { } next || IsStale(held, list.ThisUpdate, next, now, oldest));

    private static IReadOnlyList<HeldEndorsement> OfJson(EndorsementDocument document, Endorsements held, DateTimeOffset now, TimeSpan oldest)
    {
        var alone = Endorsements.Read([(document.Name, document.Bytes)]);
        var intel = new Collateral(alone);
        if (intel.Broken.Count > 0) return [Broken("json", document, intel.Broken[0].Reason)];
        List<HeldEndorsement> found =
        [
            .. intel.Certificates.Select(each => Of(each, now)),
            .. intel.Lists.Select(each => Of(each, held, now, oldest)),
            .. intel.TcbInfos.Select(each => Dated("tcb info", $"{each.Id}, FMSPC {Convert.ToHexStringLower(each.Fmspc.Span)}", each)),
            .. intel.QeIdentities.Select(each => Dated("qe identity", each.Id, each)),
        ];
        if (found.Count > 0) return found;
        return OfRims(new(alone), document, "json", now) is { Count: > 0 } rims ? rims : [Unknown("json", document)];

        HeldEndorsement Dated(string form, string what, IntelSigned each) =>
            new(form, $"{what}, evaluation {each.EvaluationDataNumber}", each.IssueDate, each.NextUpdate, IsStale(held, each.IssueDate, each.NextUpdate, now, oldest));
    }

    private static IReadOnlyList<HeldEndorsement> OfXml(EndorsementDocument document, DateTimeOffset now) => OfRims(new(Endorsements.Read([(document.Name, document.Bytes)])), document, "xml", now);

    private static IReadOnlyList<HeldEndorsement> OfRims(NvidiaEndorsements nvidia, EndorsementDocument document, string form, DateTimeOffset now) =>
    [
        .. nvidia.Rims.Select(rim =>
        {
            var (from, to) = (rim.Certificates.Max(each => new DateTimeOffset(each.NotBefore)), rim.Certificates.Min(each => new DateTimeOffset(each.NotAfter)));
            return new HeldEndorsement("rim", $"{rim.Role.ToString().ToLowerInvariant()} {rim.Version} of {rim.Product}", from, to, now < from || now > to);
        }),
        .. nvidia.BrokenRims.Select(each => Broken(form, document, each.Reason)),
    ];

    /// <summary>The oldest of its answers, and the first of them to end.</summary>
    private static HeldEndorsement OfDer(EndorsementDocument document, Endorsements held, DateTimeOffset now, TimeSpan oldest)
    {
        try
        {
            var answers = OcspResponse.Parse(document.Bytes).Answers.ToList();
            if (answers.Count == 0) return Unknown("der", document);
            var stale = answers.Any(each => each.NextUpdate is not { } next || IsStale(held, each.ThisUpdate, next, now, oldest));
            return new("ocsp response", $"{FileOf(document)}, {answers.Count} answers", answers.Min(each => each.ThisUpdate), answers.Min(each => each.NextUpdate), stale);
        }
        catch (MalformedException)
        {
            return Unknown("der", document);
        }
    }

    private static bool IsStale(Endorsements held, DateTimeOffset issued, DateTimeOffset next, DateTimeOffset now, TimeSpan oldest) => now < issued || now >= next || held.AgeOf(issued, now) > oldest;

    private static HeldEndorsement Unknown(string form, EndorsementDocument document) => new(form, FileOf(document), null, null, false);

    /// <summary>What was given and cannot be used is worth no more than what is out of date.</summary>
    private static HeldEndorsement Broken(string form, EndorsementDocument document, string reason) => new(form, $"{FileOf(document)}: {reason}", null, null, true);

    private static string FileOf(EndorsementDocument document) => document.Name[(document.Name.LastIndexOf('/') + 1)..];
}
