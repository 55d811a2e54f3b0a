using Strongroom.Attestation;

namespace Strongroom.Policy;

/// <summary>
/// One request held against one policy: a list of findings, from which the decision follows. Every check leaves a finding, so that a check that
/// was forgotten is a heading of spec/policy.md without a line in the explanation.
/// </summary>
internal sealed class Judgement
{
    private readonly ReleasePolicy policy;
    private readonly ReleaseRequest request;
    private readonly VerifiedEvidence? evidence;
    private readonly ReleaseFacts facts;
    private readonly DateTimeOffset now;
    private readonly List<Finding> findings = [];
    private readonly PolicyRule? rule;
    private IReadOnlyList<ApprovalFact> counted = [];
    private string at = "";

    internal Judgement(ReleasePolicy policy, ReleaseRequest request, VerifiedEvidence? evidence, ReleaseFacts facts, DateTimeOffset now)
    {
        (this.policy, this.request, this.evidence, this.facts, this.now) = (policy, request, evidence, facts, now);
        JudgeRequest();
        JudgeModel();
        JudgeMachine();
        rule = FindRule();
        if (rule is null) return;
        at = rule.Name;
        JudgeVersion(rule);
        JudgeFiles(rule);
        JudgeTimes(rule);
        JudgeMemory(rule);
        JudgeEvidence(rule);
        JudgeApprovals(rule);
    }

    internal IReadOnlyList<Finding> Findings => findings;

    internal IReadOnlyList<string> Words(FindingOutcome outcome) => [.. findings.Where(finding => finding.Outcome == outcome).Select(finding => finding.Words)];

    /// <summary>Call when nothing is refused and nothing is missing; null if there is no evidence or rule to allow by all the same.</summary>
    internal Decision.Allowed? Allowed() => evidence is null || rule is null || facts.AskedMemory is null || counted.Count == 0
        ? null
        : new(request, evidence, counted, rule, policy.Digest, facts.AskedMemory);

    private void JudgeRequest()
    {
        Require("policy in force", facts.PolicyDigest == policy.Digest, "this is the policy in force", "this is not the policy in force");
        Require("opener", facts.OpenerActive, $"{request.OpenedBy} who asks is enrolled", $"{request.OpenedBy} who asks is no longer enrolled");
        Require("revocation", !facts.RequestRevoked, "the request was not revoked", "the request was revoked");
        Require("request time", request.OpenedAt <= now && now < request.Expires,
            $"the request is valid until {Word(request.Expires)}",
            now < request.OpenedAt ? "the request is from the future" : $"the request expired at {Word(request.Expires)}: open a new one");
    }

    private void JudgeModel()
    {
        if (facts.Model is not { } model)
        {
            Refuse("model", $"model {request.Model} version {request.Version} is not on record");
            return;
        }
        Require("model", model.Name == request.Model && model.Version == request.Version && model.Digest == request.ModelDigest,
            $"model {model.Name} version {model.Version} has the digest that was asked for",
            $"what is on record as model {model.Name} version {model.Version} is not what was asked for");
        Require("publisher", model.PublisherTrusted, "its publisher is trusted", "its publisher is not trusted, or no longer");
        Require("withdrawal", !model.Withdrawn, "it was not withdrawn", $"model {model.Name} version {model.Version} was withdrawn");
    }

    private void JudgeMachine()
    {
        if (facts.Machine is not { } machine || machine.Id != request.Machine)
        {
            Refuse("machine", $"{request.Machine} is not enrolled");
            return;
        }
        Require("machine", machine.Active, $"{machine.Id} is enrolled by {machine.Kind} evidence", $"{machine.Id} was retired or revoked");
        if (evidence is null)
        {
            Add("evidence", FindingOutcome.Missing, $"fresh evidence from {machine.Id}");
            return;
        }
        Require("evidence", evidence.Machine == request.Machine && evidence.Kind == machine.Kind,
            $"{evidence.Kind} evidence came from the machine that was asked for",
            $"{evidence.Kind} evidence came from {evidence.Machine}, but the request is for {machine.Id} with {machine.Kind} evidence");
        Expect("measurement", evidence.Measurement == request.Measurement,
            "it boots as it did when the request was opened",
            $"a request for what {machine.Id} boots now, measurement {evidence.Measurement}: this one names {request.Measurement}");
    }

    private PolicyRule? FindRule()
    {
        var found = policy.RuleFor(request.Model, request.Purpose);
        var named = policy.Rules.Any(candidate => candidate.NamesModel(request.Model));
        foreach (var candidate in policy.Rules)
        {
            at = candidate.Name;
            var speaks = named ? candidate.NamesModel(request.Model) : candidate.CoversEveryOtherModel;
            if (candidate == found) Add("scope", FindingOutcome.Met, $"speaks about {request.Model} for {request.Purpose}");
            else Add("scope", FindingOutcome.NotApplicable, speaks ? $"is not for the purpose {request.Purpose}" : $"is about other models than {request.Model}");
        }
        at = "";
        if (found is null)
            Refuse("scope", named || policy.Rules.Any(candidate => candidate.CoversEveryOtherModel) ? $"no rule lets model {request.Model} be used for {request.Purpose}" : $"no rule speaks about model {request.Model}");
        return found;
    }

    private void JudgeVersion(PolicyRule rule)
    {
        if (facts.Model is not { LatestVersion: var newest }) return; // refused already: not on record
        var oldest = rule.MinimumVersion ?? newest;
        Require("version", request.Version >= oldest, $"version {request.Version} is new enough",
            rule.MinimumVersion is null ? $"version {request.Version} is not the newest, {newest}" : $"version {request.Version} is older than {oldest}");
    }

    private void JudgeFiles(PolicyRule rule)
    {
        switch (request.Files, rule.Files)
        {
            case (null, null) or (_, [PolicyRule.Any]):
                Add("files", FindingOutcome.Met, request.Files is null ? "the whole model is asked for" : "any files may be asked for");
                break;
            case (null, not null):
                Refuse("files", "the whole model is asked for, but only some of its files may be");
                break;
            case (not null, null):
                Refuse("files", "single files are asked for, but only the whole model may be");
                break;
            case var (asked, allowed):
                var others = asked.Except(allowed, StringComparer.Ordinal).ToList();
                Require("files", others.Count == 0 && asked.Count > 0, "only files that may be asked for are",
                    asked.Count == 0 ? "no file is asked for" : $"these files may not be asked for: {string.Join(", ", others)}");
                break;
        }
    }

    private void JudgeTimes(PolicyRule rule)
    {
        Require("lease", request.LeaseSeconds >= 1 && request.LeaseSeconds <= rule.MaximumLeaseSeconds,
            $"a lease of {Duration.Words(request.LeaseSeconds)} is asked for",
            $"a lease of {request.LeaseSeconds} seconds is asked for, {Duration.Words(rule.MaximumLeaseSeconds)} is the most");
        Require("request validity", request.Expires - request.OpenedAt <= TimeSpan.FromSeconds(rule.MaximumRequestSeconds),
            "the request is not valid for too long",
            $"the request is valid for {request.Expires - request.OpenedAt}, {Duration.Words(rule.MaximumRequestSeconds)} is the most");
    }

    private void JudgeMemory(PolicyRule rule)
    {
        if (facts.KbsGuest) Add("memory", FindingOutcome.Met, "a KBS guest says nothing of its memory; its clause allows that by its dangerous name, or not at all");
        else if (facts.AskedMemory is { } memory)
        {
            Require("memory", rule.Memory.Contains(memory, StringComparer.Ordinal), $"{memory} memory may hold the key", $"{memory} memory may not hold the key");
        }
        else if (evidence is not null) Refuse("memory", "the enclave did not say which memory will hold the key");
    }

    private void JudgeEvidence(PolicyRule rule)
    {
        var kind = evidence?.Kind ?? facts.Machine?.Kind;
        if (rule.Machines.SingleOrDefault(candidate => candidate.Evidence == kind) is not { } clause)
        {
            Refuse("evidence kind", $"machines with {kind ?? "no"} evidence may not have the key");
            return;
        }
        Add("evidence kind", FindingOutcome.Met, $"machines with {kind} evidence may have the key");
        if (kind == DevelopmentEvidence.KindName || evidence is { IsDevelopment: true })
        {
            Require("development", clause.DangerDevelopmentEvidence == true && facts.DevelopmentAllowed,
                "development evidence, which proves nothing, was allowed by its dangerous name",
                "development evidence proves nothing: the broker was not started with --danger-development-evidence");
        }
        if (facts.KbsGuest)
        {
            Require("kbs guests", clause.DangerKbsGuests == true,
                "KBS guests, which check no proof of the ledger, were allowed by their dangerous name",
                "KBS guests check no proof of the ledger: the policy does not allow them by name (danger_kbs_guests)");
        }
        if (evidence is null) return;
        var age = now - evidence.VerifiedAt;
        Require("evidence age", age >= TimeSpan.Zero && age <= TimeSpan.FromSeconds(clause.MaximumEvidenceAgeSeconds),
            "the evidence is fresh", $"the evidence is {age.TotalSeconds:0} seconds old, {clause.MaximumEvidenceAgeSeconds} is the most");
        if (clause.CountsNoStarts && evidence.Starts.Count == 1) Add("starts", FindingOutcome.NotApplicable, "its processor counts no starts: the enclave that asks is the only one known");
        else Require("starts", evidence.Starts.Count >= 1 && evidence.Starts.Count <= clause.MaximumStartsPerBoot,
            $"start {evidence.Starts.Count} of this boot, {clause.MaximumStartsPerBoot} allowed",
            $"enclaves were started {evidence.Starts.Count} times since the machine booted, {clause.MaximumStartsPerBoot} allowed: reboot it");
        JudgeReferenceValues(clause, evidence);
    }

    private void JudgeReferenceValues(MachineClause clause, VerifiedEvidence evidence)
    {
        var differences = new List<string>();
        foreach (var name in clause.ReferenceValues)
        {
            var sets = facts.ReferenceValues.Where(set => set.Name == name).ToList();
            var difference = sets is [var set] ? set.DifferenceFrom(evidence.Measured) : sets.Count == 0 ? "not on record" : "on record more than once";
            if (difference is null)
            {
                Add("reference values", FindingOutcome.Met, $"the evidence equals the reference values {name}");
                return;
            }
            differences.Add($"{name}: {difference}");
        }
        Refuse("reference values", "the evidence equals none of the reference values - " + string.Join("; ", differences));
    }

    private void JudgeApprovals(PolicyRule rule)
    {
        foreach (var refusal in facts.Approvals.Where(answer => !answer.Approves && answer.RequestDigest == request.Digest))
            Refuse("refusals", $"{refusal.Person} refused: open a new request");

        var reasonNotToCount = facts.Approvals.Where(answer => answer.Approves).Select(answer => (Answer: answer, Why: WhyNot(rule, answer))).ToList();
        counted = [.. reasonNotToCount.Where(a => a.Why is null).Select(a => a.Answer).OrderBy(a => a.LedgerIndex)];
        // By person: an answer given twice fills one place.
        var people = counted.GroupBy(approval => approval.Person).Select(answers => (Person: answers.Key, Groups: answers.SelectMany(answer => answer.Groups).Distinct().ToList())).ToList();
        foreach (var (person, groups) in people) Add("approvals", FindingOutcome.Met, $"{person} approved for {string.Join(", ", groups.Intersect(Asked(rule)))}");

        var missing = Quorum.Missing(rule.Approvals, [.. people.Select(person => person.Groups)]);
        for (var i = 0; i < missing.Length; i++)
        {
            var clause = rule.Approvals[i];
            if (missing[i] > 0) Add("approvals", FindingOutcome.Missing, $"approval by {PolicyWords.People(missing[i])} of group {clause.Group}{(missing[i] < clause.Count ? ", besides those who did" : "")}");
        }
        if (!missing.Any(count => count > 0)) return;
        foreach (var (answer, why) in reasonNotToCount)
        {
            if (why is not null) Add("approvals", FindingOutcome.Missing, $"the approval of {answer.Person} does not count: {why}");
        }
    }

    /// <summary>Why an approval does not count, or null. Everything that was signed must be what is asked for now.</summary>
    private string? WhyNot(PolicyRule rule, ApprovalFact approval)
    {
        if (approval.RequestDigest != request.Digest) return "it is for another request";
        if (approval.Person == request.OpenedBy) return "who asks never approves";
        if (!approval.PersonActive) return "the approver is no longer enrolled";
        if (!approval.Groups.Intersect(Asked(rule), StringComparer.Ordinal).Any()) return "the approver is in none of the groups that the policy asks";
        if (approval.PolicyDigest != policy.Digest) return "the policy has changed since";
        if (approval.Measurement != (evidence?.Measurement ?? request.Measurement)) return "the machine's measurement has changed since";
        if (approval.ModelDigest != request.ModelDigest) return "it is for another model";
        if (approval.Machine != request.Machine) return "it is for another machine";
        if (approval.Purpose != request.Purpose) return "it is for another purpose";
        if (approval.LeaseSeconds != request.LeaseSeconds) return "it is for another length of lease";
        if (approval.At > now) return "it is from the future";
        if (approval.Expires <= now) return $"it expired at {Word(approval.Expires)}";
        if (approval.Expires - approval.At > TimeSpan.FromSeconds(rule.MaximumApprovalSeconds))
            return $"it is valid for longer than {Duration.Words(rule.MaximumApprovalSeconds)}";
        return approval.Consumed ? "an earlier release consumed it: open a new request" : null;
    }

    private static IEnumerable<string> Asked(PolicyRule rule) => rule.Approvals.Select(clause => clause.Group);

    private static string Word(DateTimeOffset time) => Bytes.Timestamp.Format(time);

    private void Require(string check, bool holds, string met, string refused) => Add(check, holds ? FindingOutcome.Met : FindingOutcome.Refused, holds ? met : refused);

    private void Expect(string check, bool holds, string met, string missing) => Add(check, holds ? FindingOutcome.Met : FindingOutcome.Missing, holds ? met : missing);

    private void Refuse(string check, string words) => Add(check, FindingOutcome.Refused, words);

    private void Add(string check, FindingOutcome outcome, string words) => findings.Add(new(at, check, outcome, words));
}
