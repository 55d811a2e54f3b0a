using Strongroom.Attestation;

namespace Strongroom.Policy;

/// <summary>A policy in plain English, for people who sign it.</summary>
internal static class PolicyWords
{
    internal static IReadOnlyList<string> Sentences(IReadOnlyList<PolicyRule> rules) =>
        [.. rules.SelectMany(Sentences), "Whatever no rule allows is refused."];

    internal static IReadOnlyList<string> Warnings(IReadOnlyList<PolicyRule> rules) =>
        [.. rules.SelectMany(rule => Warnings(rule).Select(warning => $"rule \"{rule.Name}\": {warning}"))];

    /// <summary>What the document alone cannot tell.</summary>
    internal static IEnumerable<string> Warnings(IReadOnlyList<PolicyRule> rules, IReadOnlyList<IReadOnlyList<string>> groupsOfPeople)
    {
        foreach (var rule in rules)
        {
            var missing = Quorum.Missing(rule.Approvals, groupsOfPeople);
            foreach (var (clause, lacking) in rule.Approvals.Zip(missing).Where(each => each.Second > 0))
                yield return $"rule \"{rule.Name}\": nobody can meet it: group {clause.Group} lacks {People(lacking)}, all of them different";
            for (var i = 0; i < rule.Approvals.Count; i++)
            {
                for (var j = 0; j < i; j++)
                {
                    var (one, other) = (rule.Approvals[j].Group, rule.Approvals[i].Group);
                    if (groupsOfPeople.Any(groups => groups.Contains(one)) && groupsOfPeople.All(groups => groups.Contains(one) == groups.Contains(other)))
                        yield return $"rule \"{rule.Name}\": groups {one} and {other} are the same people: they are one group by two names";
                }
            }
        }
    }

    internal static string People(long count) => count == 1 ? "1 person" : $"{count} people";

    private static IEnumerable<string> Sentences(PolicyRule rule)
    {
        var models = rule.CoversEveryOtherModel ? "any model that no other rule names" : $"model {Either(rule.Models)}";
        var purposes = rule.Purposes is [PolicyRule.Any] ? "any purpose" : Either(rule.Purposes);
        var versions = rule.MinimumVersion is { } oldest ? $"version {oldest} or newer" : "newest version only";
        yield return $"Rule \"{rule.Name}\": the key of {models}, {versions}, may be released for {purposes}.";
        yield return rule.Files switch
        {
            null => "  It is released for the whole model or not at all.",
            [PolicyRule.Any] => "  It may also be released for single files, any of them.",
            var files => $"  It is released only for the files {List(files)}.",
        };
        foreach (var clause in rule.Machines)
        {
            yield return $"  The machine proves itself with {Kind(clause.Evidence)}, verified at most {Duration.Words(clause.MaximumEvidenceAgeSeconds)} ago, "
                + $"equal to the reference values {Either(clause.ReferenceValues)}{(clause.CountsNoStarts ? "" : $", and has started an enclave at most {Times(clause.MaximumStartsPerBoot)} since it booted")}.";
            if (clause.DangerKbsGuests == true) yield return "  DANGER: a KBS guest may have the key as well; it checks no proof that the release is on record, and no lease makes it forget.";
        }
        var people = rule.Approvals.Select(clause => $"{People(clause.Count)} of group {clause.Group}");
        yield return $"  Before that, {List([.. people])} have approved{(rule.Approvals.Sum(clause => clause.Count) > 1 ? ", all of them different" : "")}; who asks never approves, and one refusal ends the request.";
        yield return $"  A request is valid for at most {Duration.Words(rule.MaximumRequestSeconds)}, an approval for at most {Duration.Words(rule.MaximumApprovalSeconds)}, and each approval for one release.";
        yield return $"  The key is held in {Either(rule.Memory)} memory, for a lease of at most {Duration.Words(rule.MaximumLeaseSeconds)} before fresh evidence renews it.";
        yield return rule.CheckTree
            ? "  The enclave checks the sealed files against the manifest's tree before it uses them."
            : "  The enclave need not check the sealed files against the manifest's tree.";
    }

    private static IEnumerable<string> Warnings(PolicyRule rule)
    {
        if (rule.Approvals.Sum(clause => clause.Count) == 1) yield return "one person alone can release the key: ask for two";
        else if (rule.Approvals is [var only]) yield return $"group {only.Group} alone gives every approval: whoever decides who is in it can release the key, ask a second group";
        if (rule.CoversEveryOtherModel) yield return "it covers models that do not exist yet: name them";
        if (rule.Purposes is [PolicyRule.Any]) yield return "it allows any purpose: name those that you mean";
        if (rule.MinimumVersion is not null) yield return "it allows versions that a newer one replaced: leave minimum_version out to allow only the newest";
        if (rule.Files is [PolicyRule.Any]) yield return "it allows any selection of files: a model that lacks some of its files may behave otherwise than the one that was judged";
        if (rule.Memory.Contains("locked") && rule.Machines.Any(clause => !clause.IsTee)) yield return "locked memory can be read by root of a machine without a TEE: leave only secret";
        if (!rule.CheckTree) yield return "without check_tree a holder of the model's key can replace chunks under the publisher's signature";
        if (rule.MaximumLeaseSeconds > Duration.Day) yield return $"a machine that is cut off keeps the key for up to {Duration.Words(rule.MaximumLeaseSeconds)}: no revocation reaches it";
        if (rule.MaximumApprovalSeconds > 7 * Duration.Day) yield return $"an approval given today can be used in {Duration.Words(rule.MaximumApprovalSeconds)}";
        if (rule.MaximumRequestSeconds > 30 * Duration.Day) yield return $"a request opened today can be used in {Duration.Words(rule.MaximumRequestSeconds)}";
        if (rule.Machines.Any(clause => clause.CountsNoStarts) && rule.Machines.Any(clause => clause.Evidence == "tpm"))
            yield return "it takes a TPM in the place of a TEE: whose hypervisor or bus can be read gets the same key";
        foreach (var clause in rule.Machines)
        {
            if (clause.Evidence == DevelopmentEvidence.KindName) yield return "development evidence proves nothing: anybody who holds a development machine's key file gets the key";
            if (clause.DangerKbsGuests == true) yield return "KBS guests check no proof of the ledger, wipe nothing when a lease ends and say nothing of their memory: what the measured guest does with the key is all there is";
            if (clause.MaximumStartsPerBoot > 1) yield return $"{clause.MaximumStartsPerBoot} enclaves may start in one boot: another program may start before or beside the enclave that people know";
            if (clause.MaximumEvidenceAgeSeconds > 5 * Duration.Minute) yield return $"evidence {Duration.Words(clause.MaximumEvidenceAgeSeconds)} old says little about the machine as it is now";
        }
    }

    private static string Kind(string evidence) => evidence switch
    {
        "tpm" => "a TPM 2.0 quote",
        "sev-snp" => "an AMD SEV-SNP report, with evidence of every GPU and switch that it was enrolled with",
        "tdx" => "an Intel TDX quote, with evidence of every GPU and switch that it was enrolled with",
        "nitro" => "an AWS Nitro attestation document",
        DevelopmentEvidence.KindName => "development evidence, which proves nothing",
        _ => evidence + " evidence",
    };

    private static string Times(long count) => count == 1 ? "once" : $"{count} times";

    private static string List(IReadOnlyList<string> items) => Join(items, "and");

    private static string Either(IReadOnlyList<string> items) => Join(items, "or");

    private static string Join(IReadOnlyList<string> items, string last) =>
        items.Count == 1 ? items[0] : $"{string.Join(", ", items.Take(items.Count - 1))} {last} {items[^1]}";
}
