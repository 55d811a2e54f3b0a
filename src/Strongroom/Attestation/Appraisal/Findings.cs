using System.Text.Json.Nodes;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Appraisal;

/// <summary>Collects what an appraiser finds, in the order in which it finds it.</summary>
internal sealed class Findings(string kind, DateTimeOffset at, IReadOnlySet<CheckGroup> without)
{
    private readonly List<Check> checks = [];
    private readonly List<UsedEndorsement> endorsements = [];
    private readonly List<string> missing = [];
    private readonly List<string> notChecked = [];

    /// <summary>The decoded claims; filled by the appraiser before its checks, so that a rejection shows them too.</summary>
    public JsonObject Claims { get; set; } = [];

    /// <summary>Records a check. Returns whether to go on as if it held: it does, or its group was left out.</summary>
    public bool Check(string id, string what, bool holds, string? detail = null, CheckGroup group = CheckGroup.Always)
    {
        if (LeavesOut(group)) return Skip(id, what, $"left out: {Name(group)}");
        checks.Add(new(id, what, holds ? CheckResult.Passed : CheckResult.Failed, detail));
        return holds;
    }

    /// <summary>A check that two values are the same, in constant time, exact in length: nothing is padded or cut (spec/evidence-verdict.md).</summary>
    public bool Same(string id, string what, ReadOnlySpan<byte> expected, ReadOnlySpan<byte> found, CheckGroup group = CheckGroup.Always) =>
        Check(id, what, System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(expected, found),
            $"{(expected.Length == found.Length ? "" : $"{found.Length} bytes are there, {expected.Length} were expected; ")}expected {Convert.ToHexStringLower(expected)}, found {Convert.ToHexStringLower(found)}", group);

    /// <summary>A check that the policy does not ask for.</summary>
    public bool Skip(string id, string what, string why)
    {
        checks.Add(new(id, what, CheckResult.SkippedByPolicy, why));
        return true;
    }

    /// <summary>A check that needs an endorsement which is not there, or is too old. Returns false unless its group was left out.</summary>
    /// <param name="id">Of the check that could not be made.</param>
    /// <param name="what">Of that check.</param>
    /// <param name="endorsement">What to get, and where.</param>
    /// <param name="group">Of that check.</param>
    public bool Missing(string id, string what, string endorsement, CheckGroup group = CheckGroup.Always)
    {
        if (LeavesOut(group)) return Skip(id, what, $"left out: {Name(group)}");
        missing.Add($"{id}: {endorsement}");
        return false;
    }

    public bool LeavesOut(CheckGroup group) => group != CheckGroup.Always && without.Contains(group);

    public void Uses(UsedEndorsement used)
    {
        if (!endorsements.Contains(used)) endorsements.Add(used);
    }

    /// <summary>What an appraisal of one part came to, under the part's name.</summary>
    public void Add(string part, AttestationResult found)
    {
        checks.AddRange(found.Checks.Select(check => check with { Id = $"{part}.{check.Id}" }));
        foreach (var used in found.Endorsements) Uses(used);
        missing.AddRange(found.Missing.Select(each => $"{part}.{each}"));
        notChecked.AddRange(found.NotChecked.Skip(found.LeftOut.Count).Select(each => $"{part}: {each}")); // the groups are said once, for all parts
    }

    /// <summary>Something that the caller must still decide.</summary>
    public void NotChecked(string what) => notChecked.Add(what);

    public AttestationResult Result() => new()
    {
        Kind = kind,
        At = at,
        // A failed check outranks a missing endorsement: what is wrong stays wrong when the endorsement comes.
        Outcome = checks.Any(check => check.Result == CheckResult.Failed) ? Outcome.Rejected : missing.Count > 0 ? Outcome.EndorsementsMissing : Outcome.Verified,
        Checks = checks,
        Claims = Claims,
        Endorsements = endorsements,
        LeftOut = [.. without.Order()],
        Missing = missing,
        NotChecked = [.. without.Order().Select(group => $"{Name(group)}: left out by name"), .. notChecked],
    };

    private static string Name(CheckGroup group) => group.ToString().ToLowerInvariant();
}
