using System.Globalization;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Cli.Appraising;

/// <summary>What somebody has of endorsements, for programs and for people.</summary>
internal static class EndorsementsInWords
{
    internal static JsonArray ToJson(IEnumerable<HeldEndorsement> held) => new([.. held.Select(each => new JsonObject
    {
        ["form"] = each.Form, ["what"] = each.What, ["issued"] = Time(each.Issued), ["expires"] = Time(each.Expires), ["stale"] = each.Stale,
    })]);

    internal static void Write(TextWriter text, IEnumerable<HeldEndorsement> held) => Columns.Write(text, ["FORM", "WHAT", "ISSUED", "UNTIL", ""],
        held.Select(each => (IReadOnlyList<string>)[each.Form, each.What, Day(each.Issued), Day(each.Expires), each.Stale ? "STALE" : ""]), "nothing that is an endorsement");

    private static string? Time(DateTimeOffset? time) => time is { } there ? Timestamp.Format(there) : null;

    private static string Day(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) ?? "";
}
