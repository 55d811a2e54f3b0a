using System.Buffers.Binary;
using System.Globalization;
using Strongroom.Attestation.Composite;
using Strongroom.Attestation.Snp;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Corim;

/// <summary>
/// The claims of a machine's evidence that a verified CoRIM vouches for, each as what it is expected to be (spec/corim.md, "As reference values"). What cannot be
/// said so is refused, never passed over: a condition that got lost on the way would widen what its signer vouched for.
/// </summary>
public sealed class CorimClaims
{
    private const string ByChip = "37:d05e6d1b9f464ae2a610ce3e6ee7e153"; // class ids of draft-deeglaze-amd-sev-snp-corim-profile
    private const string ByProvider = "37:89a7a1f0e7044faaacbd81c86df8a961";

    /// <summary>Profiles whose members are read here: the one of AMD's draft, under the name that it has as long as it is a draft.</summary>
    public static IReadOnlySet<string> Profiles { get; } = new HashSet<string> { "http://amd.com/please-permalink-me" };

    private readonly Dictionary<string, (string Tag, SortedSet<string> Values)> expected = [];
    private readonly List<string> reasons = [];
    private readonly string kind;
    private readonly string? product;

    private CorimClaims(string kind, string? product) => (this.kind, this.product) = (kind, product);

    /// <param name="values">Of a CoRIM that verified.</param>
    /// <param name="kind"><c>sev-snp</c>, <c>tdx</c> or <c>nitro</c>; values of other processors are not looked at, those of devices are.</param>
    /// <param name="product">sev-snp: what the set expects of the claim <c>product</c>, which says how a TCB version is laid out; null where it says nothing.</param>
    /// <returns>Claim to expected value.</returns>
    /// <exception cref="RefusedException">With everything that cannot be said as an expected value.</exception>
    public static IReadOnlyDictionary<string, string> Of(VouchedValues values, string kind, string? product = null)
    {
        ArgumentNullException.ThrowIfNull(values);
        var read = new CorimClaims(kind, product);
        foreach (var value in values.All) read.Take(value);
        return read.Result();
    }

    private void Take(ReferenceValue value)
    {
        var of = value.Environment;
        if (of is { ClassId: ByChip or ByProvider, Vendor: null, Model: null }) Take("sev-snp", value, TakeAmd);
        else if (of.ClassId is not null) Refuse(value, $"the class {of.ClassId} is no platform that is known here");
        else switch ((of.Vendor, of.Model))
        {
            case ("AMD", "SEV-SNP"):
                Take("sev-snp", value, each => TakeNamed(each, ""));
                break;
            case ("Intel", "TDX"):
                Take("tdx", value, each => TakeNamed(each, ""));
                break;
            case ("AWS", "Nitro"):
                Take("nitro", value, each => TakeNamed(each, ""));
                break;
            case ("NVIDIA", "GPU"):
                Take(kind, value, each => TakeNamed(each, "gpu."));
                break;
            case ("NVIDIA", "switch"):
                Take(kind, value, each => TakeNamed(each, "switch."));
                break;
            default:
                Refuse(value, $"vendor {of.Vendor ?? "unsaid"} and model {of.Model ?? "unsaid"} are no platform that is known here");
                break;
        }
    }

    private void Take(string platform, ReferenceValue value, Action<ReferenceValue> take)
    {
        if (platform != kind) return; // another processor's: its machines have sets of their own
        if (value.Environment is not { Instance: null, Group: null, Layer: null, Index: null }) Refuse(value, "it is for some machines only, and a set is for all that measure so");
        else if (value.Unread.Count > 0) Refuse(value, $"it says more than can be expected of a claim: members {string.Join(", ", value.Unread)}");
        else if (value.Mask is { } mask && mask.Span.ContainsAnyExcept((byte)0xFF)) Refuse(value, "only some of its bits count");
        else if (value.Version is { } version && !ClaimText.IsPlain(version)) Refuse(value, $"the version '{version}' could be read as more than one value");
        else take(value);
    }

    /// <summary>The name of the measurement is the name of a claim; registers have it from their place.</summary>
    private void TakeNamed(ReferenceValue value, string prefix)
    {
        if (Parts(value) != 1)
        {
            Refuse(value, "it is not exactly one of a version, a security version, digests, a raw value and registers");
            return;
        }
        foreach (var (register, digests) in value.Registers) Expect(value, prefix + RegisterName(register), Sha384(digests)); // a device's are never the processor's
        if (value.Registers.Count == 0) Expect(value, prefix + value.Key, Said(value));
    }

    /// <summary>draft-deeglaze-amd-sev-snp-corim-profile, "AMD SEV-SNP measurements".</summary>
    private void TakeAmd(ReferenceValue value)
    {
        switch (value.Key)
        {
            case "0" when value.Registers.Count == 0 && Parts(value) > 0:
                if (value.Svn is not null) Expect(value, "guest_svn", Svn(value));
                if (value.Digests.Count > 0) Expect(value, "measurement", Sha384(value.Digests));
                if (value.Version is { } image) Expect(value, "image_id", [image]);
                if (value.Raw is { } family) Expect(value, "family_id", [Hex(family)]);
                break;
            case "5" when value is { Raw: { } key } && Parts(value) == 1:
                Expect(value, "id_key_digest", [Hex(key)]);
                break;
            case "6" when value is { Raw: { } key } && Parts(value) == 1:
                Expect(value, "author_key_digest", [Hex(key)]);
                break;
            case "7" when value is { Svn: { } version } && Parts(value) == 1:
                TakeTcb(value, version);
                break;
            case "8" when value is { Raw: { } data } && Parts(value) == 1:
                Expect(value, "host_data", [Hex(data)]);
                break;
            default:
                Refuse(value, "no claim is this measurement of a report");
                break;
        }
    }

    /// <summary>Eight bytes as one number; each component is compared by itself, as the firmware does, which asks no less.</summary>
    private void TakeTcb(ReferenceValue value, ulong version)
    {
        if (product is not ("Turin" or "Milan" or "Genoa" or "Genoa|Milan" or "Milan|Genoa"))
        {
            Refuse(value, "a TCB version is laid out by product: say which is expected, product=Milan, Genoa or Turin");
            return;
        }
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, version);
        var tcb = SnpTcb.Read(bytes, product == "Turin" ? SnpProduct.Turin : SnpProduct.Milan);
        if (!tcb.ReservedIsZero) Refuse(value, "reserved bytes of the TCB version are not zero");
        if (tcb.HasFmc) Component("tcb.fmc", tcb.Fmc);
        Component("tcb.bootloader", tcb.BootLoader);
        Component("tcb.tee", tcb.Tee);
        Component("tcb.snp", tcb.Snp);
        Component("tcb.microcode", tcb.Microcode);

        void Component(string claim, byte level) => Expect(value, claim, [(value.IsMinimumSvn ? ">=" : "") + level.ToString(CultureInfo.InvariantCulture)]);
    }

    private void Expect(ReferenceValue of, string claim, IReadOnlyList<string> values)
    {
        if (!TeeClaims.Has(kind, claim)) Refuse(of, $"{claim} is no claim of {kind} evidence");
        else if (values.Count == 0) Refuse(of, $"{claim} is a SHA-384 value, and none is given");
        else if (!expected.TryGetValue(claim, out var before)) expected.Add(claim, (of.TagId, new(values, StringComparer.Ordinal)));
        else if (before.Tag != of.TagId && !before.Values.SetEquals(values)) Refuse(of, $"{before.Tag} says otherwise of {claim}: together they would allow what neither does");
        else before.Values.UnionWith(values);
    }

    private Dictionary<string, string> Result()
    {
        foreach (var (claim, (_, values)) in expected)
        {
            if (values.Count > 1 && values.Any(value => value.StartsWith(">=", StringComparison.Ordinal))) reasons.Add($"{claim}: a minimum stands beside other values");
        }
        if (reasons.Count == 0 && expected.Count == 0) reasons.Add($"the CoRIM says nothing of {kind} machines");
        return reasons.Count > 0 ? throw new RefusedException(reasons) : expected.ToDictionary(each => each.Key, each => string.Join('|', each.Value.Values));
    }

    private static int Parts(ReferenceValue value) =>
        ((bool[])[value.Version is not null, value.Svn is not null, value.Raw is not null, value.Digests.Count > 0, value.Registers.Count > 0]).Count(said => said);

    private string RegisterName(string register) => !register.All(char.IsAsciiDigit) ? register : (kind == "tdx" ? "rtmr" : "pcr") + register;

    private static IReadOnlyList<string> Said(ReferenceValue value) =>
        value.Version is { } version ? [version] : value.Svn is not null ? Svn(value) : value.Raw is { } raw ? [Hex(raw)] : Sha384(value.Digests);

    private static IReadOnlyList<string> Svn(ReferenceValue value) => [(value.IsMinimumSvn ? ">=" : "") + value.Svn!.Value.ToString(CultureInfo.InvariantCulture)];

    private static IReadOnlyList<string> Sha384(IReadOnlyList<ReferenceDigest> digests) => [.. digests.Where(digest => digest.Algorithm == "sha-384").Select(digest => Hex(digest.Value))];

    private static string Hex(ReadOnlyMemory<byte> bytes) => Convert.ToHexStringLower(bytes.Span);

    private void Refuse(ReferenceValue value, string why) => reasons.Add($"{value.TagId}, measurement {value.Key ?? "without a name"}: {why}");
}
