using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Snp;

/// <summary>
/// What is asked of an SEV-SNP guest and its machine, beyond being genuine. Every default is the strict one; null asks nothing and says so under not_checked.
/// DEBUG has no member: the memory of such a guest can be read by its host, so nothing makes it acceptable. JSON as in spec/evidence-sev-snp.md.
/// </summary>
internal sealed record SnpPolicy(
    IReadOnlyList<string>? DeniedProducts = null,
    IReadOnlyList<string>? ChipIds = null,
    IReadOnlyList<string>? ProviderIds = null,
    bool AllowMaskedChip = false,
    IReadOnlyDictionary<string, SnpMinimum>? MinimumTcb = null,
    string? MinimumFirmware = null,
    bool AllowProvisionalFirmware = false,
    uint Vmpl = 0,
    string? MinimumAbi = null,
    bool AllowMigrationAgent = false,
    SnpGuestWishes? Guest = null,
    SnpPlatformWishes? Platform = null,
    string? LaunchMitigations = null,
    string? CurrentMitigations = null,
    IReadOnlyList<string>? Measurements = null,
    string? HostData = null,
    bool RequireIdBlock = false,
    IReadOnlyList<string>? IdKeys = null,
    IReadOnlyList<string>? AuthorKeys = null,
    string? FamilyId = null,
    string? ImageId = null,
    uint MinimumGuestSvn = 0,
    string? ReportId = null,
    int MaxEndorsementAgeDays = 7)
{
    /// <summary>The built-in one.</summary>
    public static SnpPolicy Strict { get; } = new SnpPolicy().Filled();

    /// <param name="json">Empty for <see cref="Strict"/>.</param>
    /// <exception cref="MalformedException">An unknown member, a value of the wrong length or kind, an empty list of allowed values.</exception>
    public static SnpPolicy Parse(ReadOnlyMemory<byte> json)
    {
        if (json.IsEmpty) return Strict;
        try
        {
            var policy = JsonSerializer.Deserialize(json.Span, SnpPolicyJson.Default.SnpPolicy) ?? throw new MalformedException(-1, "a policy is an object");
            policy.RequireWellFormed();
            return policy.Filled();
        }
        catch (JsonException e)
        {
            throw new MalformedException(-1, $"no policy for SEV-SNP: {e.Message}");
        }
    }

    public JsonObject ToJson() => JsonSerializer.SerializeToNode(this, SnpPolicyJson.Default.SnpPolicy)!.AsObject();

    internal SnpGuestWishes GuestWishes => Guest!;

    internal SnpPlatformWishes PlatformWishes => Platform!;

    internal ulong? LaunchMitigationBits => Bits(LaunchMitigations);

    internal ulong? CurrentMitigationBits => Bits(CurrentMitigations);

    internal SnpFirmware? Firmware => MinimumFirmware is { } text && Numbers(text, 3) is [var major, var minor, var build] ? new(major, minor, build) : null;

    internal (byte Major, byte Minor)? Abi => MinimumAbi is { } text && Numbers(text, 2) is [var major, var minor] ? (major, minor) : null;

    public SnpMinimum? MinimumOf(SnpProduct product) => MinimumTcb?.GetValueOrDefault(product.ToString());

    public bool Denies(SnpProduct product) => DeniedProducts?.Contains(product.ToString()) ?? false;

    /// <summary>Whether a list of allowed values, in hexadecimal, has this one.</summary>
    public static bool Lists(IReadOnlyList<string> allowed, ReadOnlySpan<byte> value)
    {
        var found = Convert.ToHexStringLower(value);
        return allowed.Any(each => each.Equals(found, StringComparison.OrdinalIgnoreCase));
    }

    private SnpPolicy Filled() => this with { Guest = Guest ?? new(), Platform = Platform ?? new() };

    private void RequireWellFormed()
    {
        foreach (var name in (DeniedProducts ?? []).Concat(MinimumTcb?.Keys ?? []))
        {
            if (!Enum.GetNames<SnpProduct>().Contains(name)) throw new MalformedException(-1, $"{name} is no product line; they are {string.Join(", ", Enum.GetNames<SnpProduct>())}");
        }
        RequireHex("chip_ids", ChipIds, 64);
        RequireHex("measurements", Measurements, 48);
        RequireHex("id_keys", IdKeys, 48);
        RequireHex("author_keys", AuthorKeys, 48);
        if (ProviderIds is { Count: 0 }) throw new MalformedException(-1, "provider_ids allows nothing: leave it out to ask nothing");
        RequireHex("host_data", HostData is null ? null : [HostData], 32);
        RequireHex("family_id", FamilyId is null ? null : [FamilyId], 16);
        RequireHex("image_id", ImageId is null ? null : [ImageId], 16);
        RequireHex("report_id", ReportId is null ? null : [ReportId], 32);
        if (MinimumFirmware is not null && Firmware is null) throw new MalformedException(-1, "minimum_firmware is major.minor.build, each at most 255");
        if (MinimumAbi is not null && Abi is null) throw new MalformedException(-1, "minimum_abi is major.minor, each at most 255");
        if (LaunchMitigations is not null && LaunchMitigationBits is null || CurrentMitigations is not null && CurrentMitigationBits is null)
            throw new MalformedException(-1, "mitigations are 16 hexadecimal digits");
        if (Vmpl > 3) throw new MalformedException(-1, "vmpl is 0 to 3");
        if (MaxEndorsementAgeDays is < 1 or > 3660) throw new MalformedException(-1, "max_endorsement_age_days is 1 to 3660");
    }

    private static void RequireHex(string member, IReadOnlyList<string>? values, int size)
    {
        if (values is { Count: 0 }) throw new MalformedException(-1, $"{member} allows nothing: leave it out to ask nothing");
        if (values?.FirstOrDefault(each => each.Length != 2 * size || !each.All(char.IsAsciiHexDigit)) is { } wrong)
            throw new MalformedException(-1, $"{member} is {2 * size} hexadecimal digits, not {wrong}");
    }

    private static ulong? Bits(string? text) => text is { Length: 16 } && ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bits) ? bits : null;

    private static byte[]? Numbers(string text, int count)
    {
        List<byte> numbers = [];
        foreach (var part in text.Split('.'))
        {
            if (!byte.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return null;
            numbers.Add(number);
        }
        return numbers.Count == count ? [.. numbers] : null;
    }
}

/// <summary>The lowest patch level of each component; FMC counts on Turin only.</summary>
internal sealed record SnpMinimum(byte BootLoader, byte Tee, byte Snp, byte Microcode, byte Fmc = 0)
{
    public SnpTcb In(SnpProduct product) => new(product == SnpProduct.Turin ? Fmc : (byte)0, BootLoader, Tee, Snp, Microcode, true, product == SnpProduct.Turin);
}

/// <summary>Bits of POLICY that must be exactly so; null where either will do.</summary>
internal sealed record SnpGuestWishes(
    bool? Smt = null, bool? SingleSocket = null, bool? Cxl = false, [property: JsonPropertyName("aes_256_xts")] bool? Aes256Xts = null, bool? RaplDisabled = null, bool? CiphertextHiding = null, bool? PageSwapDisabled = null);

/// <summary>Bits of PLATFORM_INFO that must be exactly so; null where either will do.</summary>
internal sealed record SnpPlatformWishes(
    bool? Smt = null, bool? Tsme = null, bool? Ecc = null, bool? RaplDisabled = null, bool? CiphertextHiding = null, bool? AliasCheck = true, bool? IommuWriteSafe = null,
    bool? TrustedIo = null);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(SnpPolicy))]
internal sealed partial class SnpPolicyJson : JsonSerializerContext;
