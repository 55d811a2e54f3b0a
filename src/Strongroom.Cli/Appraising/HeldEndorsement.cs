using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Cli.Appraising;

/// <summary>An endorsement in somebody's hands, as a list shows it. Whether it is genuine is found out where it is used.</summary>
/// <param name="Form">certificate, revocation list, json, xml or der.</param>
/// <param name="What">Subject, issuer or name of the file.</param>
/// <param name="Issued">Null where only its kind's verifier can tell.</param>
/// <param name="Expires">Null where only its kind's verifier can tell, or where it does not say.</param>
/// <param name="Stale">Past its time, not yet valid, or older than allowed.</param>
internal sealed record HeldEndorsement(string Form, string What, DateTimeOffset? Issued, DateTimeOffset? Expires, bool Stale)
{
    internal static IReadOnlyList<HeldEndorsement> Of(Endorsements held, DateTimeOffset now, TimeSpan oldest) =>
    [
        .. from each in held.Certificates
           let issued = new DateTimeOffset(each.NotBefore)
           let expires = new DateTimeOffset(each.NotAfter)
           select new HeldEndorsement("certificate", each.Subject, issued, expires, now < issued || now > expires),
        .. from each in held.RevocationLists
           let since = held.Collected is { } collected && collected > each.ThisUpdate && collected <= now ? collected : each.ThisUpdate
           select new HeldEndorsement("revocation list", $"{each.Issuer.Name}, {each.Count} revoked", each.ThisUpdate, each.NextUpdate, now < each.ThisUpdate || !(now < each.NextUpdate) || now - since > oldest),
        .. held.Json.Select(each => new HeldEndorsement("json", Path.GetFileName(each.Name), null, null, false)),
        .. held.Xml.Select(each => new HeldEndorsement("xml", Path.GetFileName(each.Name), null, null, false)),
        .. held.Der.Select(each => new HeldEndorsement("der", Path.GetFileName(each.Name), null, null, false)),
    ];

    internal JsonObject ToJson() => new()
    {
        ["form"] = Form, ["what"] = What, ["issued"] = Issued is { } issued ? Timestamp.Format(issued) : null, ["expires"] = Expires is { } expires ? Timestamp.Format(expires) : null, ["stale"] = Stale,
    };

    internal IReadOnlyList<string> Row() => [Form, What, Day(Issued), Day(Expires), Stale ? "STALE" : ""];

    private static string Day(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture) ?? "";
}
