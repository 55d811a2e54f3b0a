using System.Globalization;
using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>
/// What a command does, in plain sentences, shown before anybody signs it. Every value that the signature covers is said, except the random id; nothing is
/// said that the signature does not cover.
/// </summary>
public static class CommandWords
{
    public static IReadOnlyList<string> Say(Command command)
    {
        ArgumentNullException.ThrowIfNull(command);
        return [.. What(command), $"Signed by {command.By} at {Timestamp.Format(command.At)} for the ledger {command.Ledger}."];
    }

    /// <summary>What a ledger is founded on, before its founders sign it: every value is said.</summary>
    public static IReadOnlyList<string> Say(Founding founding)
    {
        ArgumentNullException.ThrowIfNull(founding);
        return
        [
            $"You found the ledger {founding.Ledger}, for ever. Its key is {founding.LedgerKey}",
            .. founding.Witnesses.Select(witness => $"and each of its checkpoints is countersigned by the witness {witness}."),
            $"Its broker has the key {founding.BrokerKey}.",
            .. founding.Administrators.Select(founder => $"{founder.Person} with the key {founder.Key} is an administrator."),
            .. founding.DangerDevelopmentEvidence == true ? ["DANGER: software may stand in for a TPM; everything that this ledger says is marked so."] : Array.Empty<string>(),
        ];
    }

    private static IEnumerable<string> What(Command command) => command switch
    {
        ProposeChange propose => ["You propose a change of what this ledger trusts:", .. What(propose.Change), "It happens when another administrator approves it."],
        ApproveChange approve => [$"You approve {approve.Proposal}, digest {approve.ProposalDigest}. It happens at once."],
        RefuseChange refuse => [$"You refuse {refuse.Proposal}, digest {refuse.ProposalDigest}. It is over."],
        AddModel add =>
        [
            $"You add version {add.Version} of the model {add.Model}, published by {add.Publisher}.",
            $"Model digest {add.ModelDigest}.",
            $"Manifest, signature included, {add.ManifestDigest}.",
            $"Recipients digest {add.RecipientsDigest}.",
        ],
        EnrolMachine enrol =>
        [
            $"You enrol {enrol.Machine}, which proves itself with {enrol.Kind} evidence.",
            .. enrol.Kind == "development" ? ["DANGER: development evidence proves nothing about a machine."] : Array.Empty<string>(),
            .. enrol.Pcrs.Count > 0 ? [$"Boot PCRs {string.Join(", ", enrol.Pcrs)}; enclaves are measured into PCR {enrol.ApplicationPcr}."] : Array.Empty<string>(),
            .. enrol.Transcript is { } transcript ? Introduced(enrol, transcript) : [$"Attestation key {Digest.Of(enrol.AttestationKey.Span)}."],
            .. enrol.Endorsement is { } certificate ? [$"Endorsed by the certificate {certificate}."] : Array.Empty<string>(),
            .. enrol.Intermediates is { } between ? [$"Between it and its maker's root: {string.Join(", ", between)}."] : Array.Empty<string>(),
            .. enrol.Measurement is { } measurement ? [$"It measured {measurement} when it was enrolled."] : Array.Empty<string>(),
        ],
        RetireMachine retire => [$"You retire {retire.Machine}, for ever. Every lease on it ends at once.", "Its processor and devices may be enrolled in another machine; if it is in bad hands, revoke it instead."],
        RecordEndorsements record =>
        [
            $"You record the bundle {record.Bundle} of vendors' endorsements, collected by {record.Collector} at {Timestamp.Format(record.Collected)}.",
            "From then on evidence of TEEs is judged with it, and with no other.",
        ],
        OpenRequest open =>
        [
            $"You ask for the key of version {open.Version} of the model {open.Model}, digest {open.ModelDigest},",
            Files(open.Files),
            $"for {open.Machine} as it measures {open.Measurement},",
            $"for this purpose: {open.Purpose}",
            $"Each lease lasts {Duration(open.LeaseSeconds)} and is renewed by fresh evidence, until {Timestamp.Format(open.Expires)} at the latest.",
        ],
        Approval approval =>
        [
            approval.Decision == Answer.Approve
                ? $"You approve that the key is released for {approval.Request}, digest {approval.RequestDigest},"
                : $"You REFUSE {approval.Request}, digest {approval.RequestDigest}. A refusal stands for ever. It was for",
            $"the model with digest {approval.ModelDigest},",
            $"on {approval.Machine} as it measures {approval.Measurement},",
            $"for this purpose: {approval.Purpose}",
            $"Each lease lasts {Duration(approval.LeaseSeconds)}. Your word counts until {Timestamp.Format(approval.Expires)},",
            $"under the policy with digest {approval.PolicyDigest} and no other, for one release.",
        ],
        Revoke revoke => [$"You revoke {revoke.Target}, at once and for ever; every lease that rests on it ends.", $"Reason: {revoke.Reason}"],
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static IEnumerable<string> Introduced(EnrolMachine enrol, EnrolmentTranscript transcript) =>
    [
        $"It is this processor with these devices, and no others: {Encoding.UTF8.GetString(enrol.AttestationKey.Span)}",
        $"It said so in the evidence {enrol.Evidence}, made for the challenge {transcript.Digest()} of {Timestamp.Format(transcript.Issued)}.",
    ];

    private static IEnumerable<string> What(TrustChange change) => change switch
    {
        EnrolPerson enrol => [$"{enrol.Person} is enrolled with the key {enrol.Key}", $"and is in the groups {List(enrol.Groups)}."],
        SetGroups set => [$"{set.Person} is from then on in the groups {List(set.Groups)}, and in no other."],
        RemovePerson leave => [$"{leave.Person} leaves, for ever. Approvals of theirs no longer count; leases that rest on them end at once."],
        SetPolicy set => [$"The release policy is replaced by the one with digest {set.Policy.Digest}.", "Approvals given under the old policy no longer count."],
        AddRoot add => [$"Certificates under the root {Digest.Of(add.Certificate.Span)} vouch for machines ({add.Kind})."],
        RemoveRoot remove => [$"Certificates under the root {remove.Certificate} no longer vouch for new machines ({remove.Kind}). Machines enrolled on it stay: retire them one by one."],
        AddPublisher add => [$"{add.Name} publishes models with the key {add.Key}."],
        RemovePublisher remove => [$"{remove.Name} no longer publishes models; none of theirs is released any more."],
        AddCollector add => [$"{add.Name} collects vendors' endorsements and signs them, with their date, by the key {add.Key}."],
        RemoveCollector remove => [$"{remove.Name} no longer collects endorsements; what is on record by them counts no more, at once."],
        SetReference set =>
        [
            $"{set.Name}, version {set.Version}, stands for {set.Kind} machines that measure:",
            .. set.Values.OrderBy(value => value.Key, StringComparer.Ordinal).Select(value => $"  {value.Key} {value.Value}"),
            .. set.Corim is { } corim ? Source(corim) : [],
        ],
        RemoveReference remove => [$"{remove.Name} no longer stands for anything."],
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static IEnumerable<string> Source(CorimSource corim) =>
    [
        $"As the CoRIM {corim.File} says where it says anything, which the key {Digest.Of(corim.Signer.Span)} signed",
        $"and whose tags have these versions: {string.Join(", ", corim.Tags.OrderBy(tag => tag.Key, StringComparer.Ordinal).Select(tag => $"{tag.Key} {tag.Value.Version.ToString(CultureInfo.InvariantCulture)}"))}.",
    ];

    private static string Files(IReadOnlyList<string>? files) =>
        files is null ? "all of its files," : $"these of its files: {string.Join(", ", files)},";

    private static string List(IReadOnlyList<string> groups) => groups.Count == 0 ? "(none)" : string.Join(", ", groups);

    private static string Duration(long seconds) => seconds switch
    {
        _ when seconds % 86_400 == 0 => Count(seconds / 86_400, "day"),
        _ when seconds % 3600 == 0 => Count(seconds / 3600, "hour"),
        _ when seconds % 60 == 0 => Count(seconds / 60, "minute"),
        _ => Count(seconds, "second"),
    };

    private static string Count(long number, string unit) => $"{number.ToString(CultureInfo.InvariantCulture)} {unit}{(number == 1 ? "" : "s")}";
}
