using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Policy;

namespace Strongroom.Cli.Policies;

/// <summary>
/// The policy as people write it, spec/policy.md "The YAML form". Whatever is left out gets the strict value, and is written out in the canonical JSON, so that
/// what is signed depends on no default.
/// </summary>
internal static class PolicyYaml
{
    private const long DefaultEvidenceAge = Duration.Minute;
    private const long DefaultLease = Duration.Hour;
    private const long DefaultApproval = Duration.Hour;
    private const long DefaultRequest = Duration.Day;

    // What some YAML readers take for true, false or nothing.
    private static readonly string[] Ambiguous = ["", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"];

    /// <summary>Reads YAML, or the canonical JSON that was made of it.</summary>
    /// <exception cref="MalformedException">With line and column of what is wrong, and what to write instead.</exception>
    internal static ReleasePolicy Parse(ReadOnlySpan<byte> utf8)
    {
        if (utf8 is [(byte)'{', ..]) return ReleasePolicy.Parse(utf8);
        var top = new Members(StrictYaml.Parse(utf8), "the policy", "policy", "rules");
        if (top.Required("policy") is var version && Word(version) != "v1") throw version.Refuse("policy must be v1, the version of this form");
        var rules = Items(top.Required("rules"), Rule);
        return ReleasePolicy.From(rules);
    }

    private static PolicyRule Rule(StrictYaml node)
    {
        var members = new Members(node, "a rule",
            "name", "models", "purposes", "machines", "approvals", "memory", "check_tree", "maximum_lease", "maximum_request", "maximum_approval", "minimum_version", "files");
        var machines = Items(members.Required("machines"), Machine);
        var rule = new PolicyRule(
            Word(members.Required("name")),
            Words(members.Required("models")),
            Words(members.Required("purposes")),
            machines,
            Items(members.Required("approvals"), Approval),
            Optional(members, "memory", Words) ?? DefaultMemory(machines),
            Optional(members, "check_tree", Bool) ?? true,
            Optional(members, "maximum_lease", Time) ?? DefaultLease,
            Optional(members, "maximum_request", Time) ?? DefaultRequest,
            Optional(members, "maximum_approval", Time) ?? DefaultApproval,
            Optional(members, "minimum_version", Integer),
            Optional(members, "files", Words));
        try
        {
            _ = ReleasePolicy.From([rule]); // here the line of the rule is still known
        }
        catch (MalformedException e)
        {
            throw node.Refuse(e.Message);
        }
        return rule;
    }

    private static MachineClause Machine(StrictYaml node)
    {
        var members = new Members(node, "a machine clause",
            "evidence", "reference_values", "maximum_evidence_age", "maximum_starts_per_boot", "danger_development_evidence", "danger_kbs_guests");
        return new(
            Word(members.Required("evidence")),
            Words(members.Required("reference_values")),
            Optional(members, "maximum_evidence_age", Time) ?? DefaultEvidenceAge,
            Optional(members, "maximum_starts_per_boot", Integer) ?? 1,
            Optional(members, "danger_development_evidence", Bool),
            Optional(members, "danger_kbs_guests", Bool));
    }

    /// <summary>Where a processor encrypts all memory, root is part of the measured guest: what its enclaves take by themselves may hold the key.</summary>
    private static List<string> DefaultMemory(List<MachineClause> machines) => machines.TrueForAll(clause => CompositeEvidence.CpuKinds.Contains(clause.Evidence)) ? ["locked", "secret"] : ["secret"];

    private static ApprovalClause Approval(StrictYaml node)
    {
        var members = new Members(node, "an approval clause", "group", "people");
        return new(Word(members.Required("group")), Integer(members.Required("people")) ?? 0);
    }

    private static T? Optional<T>(Members members, string key, Func<StrictYaml, T?> read) => members.Optional(key) is { } node ? read(node) : default;

    private static List<T> Items<T>(StrictYaml node, Func<StrictYaml, T> read) => node is StrictYaml.Sequence { Items: var items }
        ? [.. items.Select(read)]
        : throw node.Refuse("a list is needed here, one item a line after a dash");

    private static List<string> Words(StrictYaml node) => Items(node, Word);

    private static string Word(StrictYaml node)
    {
        if (node is not StrictYaml.Scalar { Text: var text, Plain: var plain }) throw node.Refuse("one word is needed here");
        if (plain && Ambiguous.Contains(text, StringComparer.OrdinalIgnoreCase))
            throw node.Refuse(text.Length == 0 ? "a word is missing here" : $"{text} means true, false or nothing to some readers: write \"{text}\" if you mean the word");
        return text;
    }

    private static bool? Bool(StrictYaml node) => node switch
    {
        StrictYaml.Scalar { Plain: true, Text: "true" } => true,
        StrictYaml.Scalar { Plain: true, Text: "false" } => false,
        _ => throw node.Refuse("true or false is needed here, in these letters and without quotes"),
    };

    private static long? Integer(StrictYaml node) => node is StrictYaml.Scalar { Plain: true, Text: var text } && Duration.Number(text) is { } value
        ? value
        : throw node.Refuse("a whole number from 1 is needed here, in plain digits");

    private static long? Time(StrictYaml node) => node is StrictYaml.Scalar { Text: var text } && Duration.Parse(text) is { } seconds
        ? seconds
        : throw node.Refuse("a length of time is needed here, such as 90 seconds, 15 minutes, 8 hours or 1 day, 366 days at most");

    /// <summary>The members of one mapping, none of them unknown.</summary>
    private sealed class Members
    {
        private readonly StrictYaml.Mapping mapping;
        private readonly string of;

        internal Members(StrictYaml node, string of, params IReadOnlyList<string> known)
        {
            mapping = node as StrictYaml.Mapping ?? throw node.Refuse($"{of} is written as key: value lines");
            this.of = of;
            foreach (var (key, _) in mapping.Members)
            {
                if (!known.Contains(key.Text, StringComparer.Ordinal)) throw key.Refuse($"{key.Text} is not known here; {of} has {string.Join(", ", known)}");
            }
        }

        internal StrictYaml Required(string key) => Optional(key) ?? throw mapping.Refuse($"{of} needs {key}");

        internal StrictYaml? Optional(string key) => mapping.Members.FirstOrDefault(member => member.Key.Text == key).Value;
    }
}
