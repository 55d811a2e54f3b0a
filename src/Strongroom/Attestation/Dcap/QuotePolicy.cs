using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>What a caller asks of a quote beyond that it is genuine. Lists hold lower-case hexadecimal of the field's exact length; null where any value will do, which the verdict then names.</summary>
/// <remarks>Setters and not initialisers: the JSON source generator passes every initialiser, and would put a type's default where a policy says nothing.</remarks>
internal abstract record QuotePolicy
{
    /// <summary>Statuses that are good enough; Revoked cannot be.</summary>
    public IReadOnlyList<string> TcbStatuses { get; set; } = ["UpToDate"];

    /// <summary>Advisories (INTEL-SA-...) that the platform must not be open to, whatever its status.</summary>
    public IReadOnlyList<string> DeniedAdvisories { get; set; } = [];

    /// <summary>The level of platform, module and quoting enclave must have been the newest on this day or later.</summary>
    public DateTimeOffset? MinimumTcbDate { get; set; }

    /// <summary>tcbEvaluationDataNumber of TCB info and of the quoting enclave's identity, at least.</summary>
    public int MinimumTcbEvaluationDataNumber { get; set; }

    /// <summary>How old TCB info, identities and lists of revoked certificates may be (spec/evidence-verdict.md, "Endorsements").</summary>
    public int MaxEndorsementAgeDays { get; set; } = 7;

    /// <summary>The same for the root's own list of revoked certificates, which Intel issues once a year.</summary>
    public int MaxRootListAgeDays { get; set; } = 366;

    /// <summary>FMSPCs of generations that are not trusted any more.</summary>
    public IReadOnlyList<string> DeniedFmspcs { get; set; } = [];

    /// <summary>PPIDs of processors in known custody.</summary>
    public IReadOnlyList<string>? Ppids { get; set; }

    /// <summary>Platform instance ids in known custody (certificates of the Platform CA).</summary>
    public IReadOnlyList<string>? PlatformInstanceIds { get; set; }

    /// <summary>False refuses platforms with hyper-threading.</summary>
    public bool AllowSmt { get; set; } = true;

    /// <summary>False refuses platforms to which packages can be added later.</summary>
    public bool AllowDynamicPlatform { get; set; } = true;

    /// <summary>False refuses platforms whose keys are cached by Intel's registration service.</summary>
    public bool AllowCachedKeys { get; set; } = true;

    /// <exception cref="MalformedException">A value that cannot be meant.</exception>
    internal virtual void Validate()
    {
        if (TcbStatuses.Any(word => !Enum.TryParse<TcbStatus>(word, out var status) || status.ToString() != word || status == TcbStatus.Revoked))
            throw new MalformedException(-1, $"tcb_statuses are of {string.Join(", ", Enum.GetValues<TcbStatus>().Where(each => each != TcbStatus.Revoked))}");
        if (DeniedAdvisories.Any(each => each is null)) throw new MalformedException(-1, "denied_advisories has null in it");
        if (MaxEndorsementAgeDays is < 1 or > 366 || MaxRootListAgeDays is < 1 or > 366) throw new MalformedException(-1, "the policy's ages are 1 to 366 days");
        if (MinimumTcbEvaluationDataNumber < 0) throw new MalformedException(-1, "minimum_tcb_evaluation_data_number is negative");
        Hex(DeniedFmspcs, 6, "denied_fmspcs");
        Hex(Ppids, 16, "ppids");
        Hex(PlatformInstanceIds, 16, "platform_instance_ids");
    }

    private protected static void Hex(IEnumerable<string>? values, int size, string what)
    {
        if (values?.Any(value => value is null || value.Length != 2 * size || value.AsSpan().ContainsAnyExcept("0123456789abcdef")) == true)
            throw new MalformedException(-1, $"a value of {what} is not {size} bytes in lower-case hexadecimal");
    }
}

/// <summary>For trust domains.</summary>
internal sealed record TdxPolicy : QuotePolicy
{
    public static TdxPolicy Strict { get; } = new();

    public IReadOnlyList<string>? MrTd { get; set; }

    public IReadOnlyList<string>? Rtmr0 { get; set; }

    public IReadOnlyList<string>? Rtmr1 { get; set; }

    public IReadOnlyList<string>? Rtmr2 { get; set; }

    public IReadOnlyList<string>? Rtmr3 { get; set; }

    public IReadOnlyList<string>? MrSeam { get; set; }

    /// <summary>Of Confidential Containers: the hash of the init-data.</summary>
    public IReadOnlyList<string>? MrConfigId { get; set; }

    public IReadOnlyList<string>? MrOwner { get; set; }

    public IReadOnlyList<string>? MrOwnerConfig { get; set; }

    public IReadOnlyList<string>? MrServiceTd { get; set; }

    /// <summary>Whether SEPT_VE_DISABLE must be set. Guests without it must keep the host from injecting #VE by themselves, as Linux does since 6.13.</summary>
    public bool RequireSeptVeDisable { get; set; }

    /// <summary>Whether the domain may be moved to another machine by its migration domain.</summary>
    public bool AllowMigratable { get; set; }

    /// <summary>Whether the firmware's event log must be there; it is replayed whenever it is.</summary>
    public bool RequireEventLog { get; set; }

    /// <summary>SHA-384 digests that the log must have extended, by RTMR 0 to 3. Any of them makes the log's absence an error.</summary>
    public IReadOnlyList<TdxEvent> Events { get; set; } = [];

    internal override void Validate()
    {
        base.Validate();
        foreach (var (values, what) in new[] { (MrTd, "mr_td"), (Rtmr0, "rtmr0"), (Rtmr1, "rtmr1"), (Rtmr2, "rtmr2"), (Rtmr3, "rtmr3"), (MrSeam, "mr_seam"), (MrConfigId, "mr_config_id"), (MrOwner, "mr_owner"), (MrOwnerConfig, "mr_owner_config"), (MrServiceTd, "mr_service_td") })
            Hex(values, 48, what);
        Hex(Events.Select(e => e?.Digest!), 48, "events");
        if (Events.Any(e => e.Rtmr is < 0 or > 3)) throw new MalformedException(-1, "RTMRs are 0 to 3");
    }
}

/// <param name="Rtmr">0 to 3.</param>
/// <param name="Digest">SHA-384 in lower-case hexadecimal.</param>
internal sealed record TdxEvent(int Rtmr, string Digest);

/// <summary>For enclaves.</summary>
internal sealed record SgxPolicy : QuotePolicy
{
    public static SgxPolicy Strict { get; } = new();

    public IReadOnlyList<string>? MrEnclave { get; set; }

    public IReadOnlyList<string>? MrSigner { get; set; }

    public IReadOnlyList<int>? IsvProdId { get; set; }

    public int MinimumIsvSvn { get; set; }

    public IReadOnlyList<string>? IsvExtProdId { get; set; }

    public IReadOnlyList<string>? IsvFamilyId { get; set; }

    public IReadOnlyList<string>? ConfigId { get; set; }

    public int MinimumConfigSvn { get; set; }

    internal override void Validate()
    {
        base.Validate();
        Hex(MrEnclave, 32, "mr_enclave");
        Hex(MrSigner, 32, "mr_signer");
        Hex(IsvExtProdId, 16, "isv_ext_prod_id");
        Hex(IsvFamilyId, 16, "isv_family_id");
        Hex(ConfigId, 64, "config_id");
        if (IsvProdId?.Any(id => id is < 0 or > ushort.MaxValue) == true || MinimumIsvSvn < 0 || MinimumConfigSvn < 0) throw new MalformedException(-1, "a number in the policy is out of its range");
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    Converters = [typeof(Timestamp)])]
[JsonSerializable(typeof(TdxPolicy))]
[JsonSerializable(typeof(SgxPolicy))]
internal sealed partial class QuotePolicyJson : JsonSerializerContext
{
    /// <summary>The strict one where there are no bytes.</summary>
    /// <exception cref="MalformedException">No policy of this kind: an unknown member, a value that cannot be meant.</exception>
    internal static T Read<T>(ReadOnlyMemory<byte> bytes, T strict, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : QuotePolicy
    {
        if (bytes.IsEmpty) return strict;
        try
        {
            var policy = JsonSerializer.Deserialize(bytes.Span, type) ?? throw new MalformedException(-1, "the policy is null");
            policy.Validate();
            return policy;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new MalformedException(-1, $"no policy: {e.Message}");
        }
    }

    internal static JsonObject Write<T>(T policy, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) => JsonSerializer.SerializeToNode(policy, type)!.AsObject();
}
