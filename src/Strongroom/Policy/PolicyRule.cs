using System.Text.Json.Serialization;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;

namespace Strongroom.Policy;

/// <summary>
/// One rule of a policy, spec/policy.md. Everything is written out: what stands here was signed, so nothing in it depends on a default of the
/// software that reads it. The three members that may be absent mean, absent, the strictest there is.
/// </summary>
/// <param name="Models">Exact names, or <c>*</c> alone for every model that no other rule names.</param>
/// <param name="Purposes">Exact words, or <c>*</c> alone for any.</param>
/// <param name="Machines">At most one clause for each kind of evidence.</param>
/// <param name="Approvals">All of them must be met, by people who are all different.</param>
/// <param name="Memory">The kinds of protected memory that may hold the key: <c>secret</c>, <c>locked</c>.</param>
/// <param name="CheckTree">The enclave must check the tree over the sealed bytes.</param>
/// <param name="MaximumLeaseSeconds">Longest lease that may be asked for.</param>
/// <param name="MaximumRequestSeconds">Longest time from opening a request to its expiry.</param>
/// <param name="MaximumApprovalSeconds">Longest time from recording an approval to its expiry.</param>
/// <param name="MinimumVersion">Oldest version of the model that may be released; absent: only the newest on record.</param>
/// <param name="Files">Files whose keys may be asked for one by one, or <c>*</c> alone for any; absent: the whole model or nothing.</param>
public sealed record PolicyRule(
    string Name,
    IReadOnlyList<string> Models,
    IReadOnlyList<string> Purposes,
    IReadOnlyList<MachineClause> Machines,
    IReadOnlyList<ApprovalClause> Approvals,
    IReadOnlyList<string> Memory,
    bool CheckTree,
    long MaximumLeaseSeconds,
    long MaximumRequestSeconds,
    long MaximumApprovalSeconds,
    long? MinimumVersion = null,
    IReadOnlyList<string>? Files = null)
{
    /// <summary>Stands for every model, purpose or file; must be written.</summary>
    public const string Any = "*";

    internal bool NamesModel(string model) => Models.Contains(model, StringComparer.Ordinal);

    internal bool CoversEveryOtherModel => Models is [Any];

    internal bool CoversPurpose(string purpose) => Purposes is [Any] || Purposes.Contains(purpose, StringComparer.Ordinal);
}

/// <summary>Machines that prove themselves with one kind of evidence.</summary>
/// <param name="Evidence">The kind: <c>tpm</c>, <c>sev-snp</c>, <c>tdx</c>, <c>nitro</c> or <c>development</c>.</param>
/// <param name="ReferenceValues">Names of recorded sets; the evidence must equal one of them.</param>
/// <param name="DangerDevelopmentEvidence">Must be true, and may only be present, where <paramref name="Evidence"/> is <c>development</c>.</param>
/// <param name="DangerKbsGuests">May be true where <paramref name="Evidence"/> is <c>sev-snp</c> or <c>tdx</c>: guests that speak RCAR, and check no ledger's proof, may have the key too.</param>
public sealed record MachineClause(
    string Evidence,
    IReadOnlyList<string> ReferenceValues,
    long MaximumEvidenceAgeSeconds,
    long MaximumStartsPerBoot,
    bool? DangerDevelopmentEvidence = null,
    bool? DangerKbsGuests = null)
{
    /// <summary>The processor encrypts the machine's memory, and proves it.</summary>
    internal bool IsTee => CompositeEvidence.CpuKinds.Contains(Evidence);

    /// <summary>A processor says what it runs, never how often: the start that asks is the only one known.</summary>
    internal bool CountsNoStarts => IsTee;
}

/// <summary>So many different people of a group.</summary>
public sealed record ApprovalClause(string Group, long Count);

internal sealed record PolicyDocument(string Type, IReadOnlyList<PolicyRule> Rules);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(Timestamp)])]
[JsonSerializable(typeof(PolicyDocument))]
internal sealed partial class PolicyJson : JsonSerializerContext;
