using System.Runtime.CompilerServices;
using Strongroom.Attestation;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;

namespace Strongroom.Policy;

/// <summary>What the types alone do not say about a policy, spec/policy.md "What is refused". A policy that passes has one meaning.</summary>
internal static class PolicyShape
{
    private const int MaxItems = 1000;
    private const int MaxPeople = 20;
    private const int MaxNameLength = 100;
    private const long MaxSeconds = 366 * 86_400;

    private static readonly string[] MemoryKinds = ["secret", "locked"];
    private static readonly string[] EvidenceKinds = ["tpm", .. CompositeEvidence.CpuKinds, DevelopmentEvidence.KindName];

    internal static void Require(PolicyDocument policy)
    {
        if (policy.Type != ReleasePolicy.Type) throw Refuse($"type must be {ReleasePolicy.Type}");
        RequireList(policy.Rules, "rules");
        RequireDistinct(policy.Rules.Select(rule => rule.Name), "two rules have the name");
        foreach (var rule in policy.Rules) RequireRule(rule);
        RequireOneRuleForEach(policy.Rules);
    }

    private static void RequireRule(PolicyRule rule)
    {
        RequireName(rule.Name, "the name of a rule");
        var of = $"rule \"{rule.Name}\": ";
        RequireNames(rule.Models, of + "models", orAny: true);
        RequireNames(rule.Purposes, of + "purposes", orAny: true);
        if (rule.Files is not null) RequireNames(rule.Files, of + "files", orAny: true);
        RequireNames(rule.Memory, of + "memory");
        if (rule.Memory.FirstOrDefault(kind => !MemoryKinds.Contains(kind)) is { } unknown) throw Refuse($"{of}\"{unknown}\" is no kind of memory; secret and locked are");
        RequireRange(rule.MaximumLeaseSeconds, MaxSeconds, of);
        RequireRange(rule.MaximumRequestSeconds, MaxSeconds, of);
        RequireRange(rule.MaximumApprovalSeconds, MaxSeconds, of);
        if (rule.MinimumVersion is { } version) RequireRange(version, CanonicalJson.MaxInteger, of, nameof(rule.MinimumVersion));
        RequireApprovals(rule.Approvals, of);
        RequireList(rule.Machines, of + "machines");
        RequireDistinct(rule.Machines.Select(clause => clause.Evidence), of + "two clauses for machines have the evidence");
        foreach (var clause in rule.Machines) RequireMachine(clause, of);
        if (rule.CheckTree && rule.Machines.Any(clause => clause.DangerKbsGuests == true))
            throw Refuse($"{of}danger_kbs_guests belongs to check_tree: false, for no guest of a KBS checks the tree");
    }

    private static void RequireMachine(MachineClause clause, string of)
    {
        if (!EvidenceKinds.Contains(clause.Evidence)) throw Refuse($"{of}\"{clause.Evidence}\" is no kind of evidence; {string.Join(", ", EvidenceKinds)} are");
        RequireNames(clause.ReferenceValues, of + "reference_values");
        RequireRange(clause.MaximumEvidenceAgeSeconds, MaxSeconds, of);
        RequireRange(clause.MaximumStartsPerBoot, MaxItems, of);
        if (clause.CountsNoStarts && clause.MaximumStartsPerBoot != 1) throw Refuse($"{of}maximum_starts_per_boot must be 1 for {clause.Evidence}, which cannot count starts");
        if ((clause.Evidence == DevelopmentEvidence.KindName) != (clause.DangerDevelopmentEvidence == true) || clause.DangerDevelopmentEvidence == false)
            throw Refuse($"{of}danger_development_evidence: true belongs to evidence development, and only there");
        if (clause.DangerKbsGuests == false || (clause.DangerKbsGuests == true && clause.Evidence is not ("sev-snp" or "tdx")))
            throw Refuse($"{of}danger_kbs_guests is true or absent, and belongs to evidence sev-snp or tdx");
    }

    private static void RequireApprovals(IReadOnlyList<ApprovalClause> approvals, string of)
    {
        // Nobody at all is no policy: a key that no person approved is not released.
        RequireList(approvals, of + "approvals");
        RequireDistinct(approvals.Select(clause => clause.Group), of + "approvals name twice the group");
        foreach (var clause in approvals)
        {
            RequireName(clause.Group, of + "a group");
            RequireRange(clause.Count, MaxPeople, of);
        }
        if (approvals.Sum(clause => clause.Count) > MaxPeople) throw Refuse($"{of}approvals ask for more than {MaxPeople} people");
    }

    /// <summary>Two rules for the same model and purpose would make the policy mean the weaker of the two.</summary>
    private static void RequireOneRuleForEach(IReadOnlyList<PolicyRule> rules)
    {
        for (var i = 0; i < rules.Count; i++)
        {
            for (var j = i + 1; j < rules.Count; j++)
            {
                if (rules[i].Models.Intersect(rules[j].Models).Any() && SharePurpose(rules[i], rules[j]))
                    throw Refuse($"rules \"{rules[i].Name}\" and \"{rules[j].Name}\" speak about the same model and purpose: join them");
            }
        }
    }

    private static bool SharePurpose(PolicyRule a, PolicyRule b) =>
        a.Purposes is [PolicyRule.Any] || b.Purposes is [PolicyRule.Any] || a.Purposes.Intersect(b.Purposes).Any();

    private static void RequireNames(IReadOnlyList<string> names, string what, bool orAny = false)
    {
        RequireList(names, what);
        if (orAny && names is [PolicyRule.Any]) return;
        foreach (var name in names) RequireName(name, what);
        RequireDistinct(names, what + " name twice");
    }

    /// <summary>Names are shown to people who sign: no control characters, nothing invisible, no lookalikes, and <c>*</c> is never a part of a name.</summary>
    private static void RequireName(string name, string what)
    {
        var ends = name.Length is > 0 and <= MaxNameLength && name[0] != ' ' && name[^1] != ' ';
        if (!ends || name.Any(c => !char.IsAsciiLetterOrDigit(c) && !"._-/ ".Contains(c)))
            throw Refuse($"{what}: a name has 1 to {MaxNameLength} ASCII letters, digits, spaces or . _ - / and neither begins nor ends with a space");
    }

    private static void RequireList<T>(IReadOnlyList<T> items, string what)
    {
        if (items.Count is 0 or > MaxItems || items.Any(item => item is null)) throw Refuse($"{what} must list 1 to {MaxItems} items");
    }

    private static void RequireDistinct(IEnumerable<string> names, string what)
    {
        if (names.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } repeated)
            throw Refuse($"{what} \"{repeated.Key}\"");
    }

    private static void RequireRange(long value, long max, string of, [CallerArgumentExpression(nameof(value))] string member = "")
    {
        if (value < 1 || value > max)
            throw Refuse($"{of}{System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(member[(member.LastIndexOf('.') + 1)..])} must be 1 to {max}");
    }

    private static MalformedException Refuse(string what) => new(-1, "policy: " + what);
}
