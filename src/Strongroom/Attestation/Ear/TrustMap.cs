using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Composite;

namespace Strongroom.Attestation.Ear;

/// <summary>Which checks each claim of a trustworthiness vector rests on, by kind of evidence: the table of spec/ear.md.</summary>
internal static class TrustMap
{
    internal const string Instance = "instance-identity";
    internal const string Configuration = "configuration";
    internal const string Executables = "executables";
    internal const string Hardware = "hardware";

    private const int Contraindicated = 96;
    private const int Unrecognised = 97;

    /// <summary>Without these nothing is affirmed as a whole: genuine hardware that runs who knows what is no good news.</summary>
    internal static IReadOnlyList<string> Needed { get; } = [Instance, Configuration, Executables, Hardware];

    /// <summary>A claim of a kind.</summary>
    /// <param name="Name">Of AR4SI.</param>
    /// <param name="Checks">Ids, each with all below it; <c>*</c> at the end stands for any ending, <c>=</c> for none.</param>
    /// <param name="Needs">Of these one in each must have passed, or nobody looked.</param>
    private sealed record Basis(string Name, string[] Checks, params string[][] Needs);

    private static readonly Dictionary<string, Basis[]> Kinds = new()
    {
        ["sev-snp"] =
        [
            new(Instance, ["snp.4", "snp.8", "snp.15=", "snp.15.chip", "snp.15.report-id", "snp.15.provider"], ["snp.4="], ["snp.15="]),
            new(Configuration, ["snp.1.policy", "snp.11", "snp.12", "snp.15.host-data"], ["snp.11"], ["snp.12.debug"]),
            new(Executables, ["snp.15.measurement", "snp.15.id-block", "snp.15.id-key", "snp.15.author-key", "snp.15.family-id", "snp.15.image-id", "snp.15.guest-svn"], ["snp.15.measurement", "snp.15.id-key"]),
            new(Hardware, [], ["snp.3="], ["snp.6="], ["snp.7"], ["snp.9="]),
        ],
        ["tdx"] =
        [
            new(Instance, ["tdx.2.ca", "tdx.16.report_data", "tdx.16.nonce", "tdx.16.ppid", "tdx.16.instance"], ["tdx.16.report_data"]),
            new(Configuration, ["tdx.16.debug", "tdx.16.reserved", "tdx.16.xfam", "tdx.16.migratable", "tdx.16.sept_ve", "tdx.16.mr_config_id", "tdx.16.mr_owner*"], ["tdx.16.debug"]),
            new(Executables, ["tdx.16.mr_td", "tdx.16.rtmr*", "tdx.16.mr_seam", "tdx.16.mr_service_td", "tdx.17"], ["tdx.16.mr_td"]),
            new(Hardware, [], ["tdx.2.root"], ["tdx.8"], ["tdx.11"], ["tdx.12.tdx"]),
        ],
        ["sgx"] =
        [
            new(Instance, ["sgx.2.ca", "sgx.16.report_data", "sgx.16.nonce", "sgx.16.ppid", "sgx.16.instance"], ["sgx.16.report_data"]),
            new(Configuration, ["sgx.16.debug", "sgx.16.init", "sgx.16.reserved", "sgx.16.xfam", "sgx.16.config_id", "sgx.16.config_svn"], ["sgx.16.debug"]),
            new(Executables, ["sgx.16.mr_*", "sgx.16.isv_*"], ["sgx.16.mr_enclave", "sgx.16.mr_signer"]),
            new(Hardware, [], ["sgx.2.root"], ["sgx.8"], ["sgx.11"], ["sgx.12.sgx"]),
        ],
        ["nitro"] =
        [
            new(Instance, ["nitro.9.nonce", "nitro.12"], ["nitro.9.nonce", "nitro.12.user_data"]),
            new(Configuration, ["nitro.10"], ["nitro.10"]),
            new(Executables, ["nitro.11"], ["nitro.11.pcr*"]),
            new(Hardware, [], ["nitro.5"], ["nitro.6.links"], ["nitro.8"]),
        ],
        ["tpm"] =
        [
            new(Instance, ["tpm.2", "tpm.6", "tpm.13"], ["tpm.2"], ["tpm.6"]),
            new(Configuration, ["tpm.11"], ["tpm.11"]),
            new(Executables, ["tpm.7", "tpm.8", "tpm.9", "tpm.10", "tpm.14"], ["tpm.9"], ["tpm.14"]),
            new(Hardware, [], ["tpm.1"], ["tpm.4"]),
        ],
        ["nvidia-gpu"] =
        [
            new(Instance, ["gpu.5", "gpu.10", "gpu.11.custody"], ["gpu.5=", "gpu.5.0="]),
            new(Configuration, ["gpu.9"], ["gpu.9.mode"]),
            new(Executables, ["gpu.7", "gpu.8"], ["gpu.8.driver"], ["gpu.8.vbios"]),
            new(Hardware, [], ["gpu.2.chain"], ["gpu.3"], ["gpu.6"]),
        ],
        [CompositeEvidence.KindName] =
        [
            new(Instance, ["1", "2", "3", "4", "5", "6"], ["2.bound"]),
            new(Configuration, []),
            new(Executables, []),
            new(Hardware, []),
        ],
        ["nvidia-switch"] =
        [
            new(Instance, ["switch.5", "switch.10", "switch.11.custody"], ["switch.5=", "switch.5.0="]),
            new(Configuration, ["switch.9"], ["switch.9.lock"]),
            new(Executables, ["switch.7", "switch.8"], ["switch.8.bios"]),
            new(Hardware, [], ["switch.2.chain"], ["switch.3"], ["switch.6"]),
        ],
    };

    /// <summary>The first words of ids, where they are no kind's name.</summary>
    private static readonly Dictionary<string, string> Technologies = new() { ["snp"] = "sev-snp", ["gpu"] = "nvidia-gpu", ["switch"] = "nvidia-switch" };

    /// <summary>What leaving out a group of checks leaves unsaid, whether or not an appraiser lists the checks that it then does not make.</summary>
    private static readonly Dictionary<CheckGroup, string[]> Unsaid = new()
    {
        [CheckGroup.Revocation] = [Instance, Hardware],
        [CheckGroup.Tcb] = [Hardware],
        [CheckGroup.Freshness] = [Instance, Hardware],
        [CheckGroup.Binding] = [Instance],
    };

    /// <summary>The vector of a result. Of a kind that the table does not have nothing is affirmed, and what failed counts against the hardware.</summary>
    public static TrustVector Of(AttestationResult result)
    {
        var missing = result.Missing.Select(each => each[..Math.Max(0, each.IndexOf(':'))]).ToList();
        return new(result.Kind == CompositeEvidence.KindName ? OfMachine(result, missing) : Of(result.Kind, result.Checks, missing, result.LeftOut));
    }

    /// <summary>A machine is as good as the worst of its parts; what holds between them is a part as well.</summary>
    private static Dictionary<string, int> OfMachine(AttestationResult result, IReadOnlyList<string> missing)
    {
        var parts = result.Checks.Select(check => check.Id).Concat(missing).Select(PartOf).Append("cpu").Append(CompositeEvidence.KindName).Distinct().Select(part =>
        {
            var checks = result.Checks.Where(check => PartOf(check.Id) == part).Select(check => check with { Id = WithoutPart(check.Id) }).ToList();
            var needed = missing.Where(id => PartOf(id) == part).Select(WithoutPart).ToList();
            var technology = checks.Select(check => check.Id).Concat(needed).Select(PartOf).FirstOrDefault("");
            return Of(part == CompositeEvidence.KindName ? part : Technologies.GetValueOrDefault(technology, technology), checks, needed, result.LeftOut);
        }).ToList();
        return Needed.ToDictionary(name => name, name =>
        {
            var values = parts.Select(part => part.GetValueOrDefault(name)).ToList();
            return values.Max() is >= Contraindicated and var worst ? worst : values.Min();
        });
    }

    private static string PartOf(string id) => id.Split('.')[0];

    private static string WithoutPart(string id) => id[Math.Min(id.Length, PartOf(id).Length + 1)..];

    private static Dictionary<string, int> Of(string kind, IReadOnlyList<Check> checks, IReadOnlyList<string> missing, IReadOnlyList<CheckGroup> leftOut)
    {
        var bases = Kinds.GetValueOrDefault(kind, [new(Hardware, [], ["="])]);
        return bases.ToDictionary(basis => basis.Name, basis => ValueOf(basis));

        int ValueOf(Basis basis)
        {
            if (checks.Any(check => check.Result == CheckResult.Failed && IsOf(basis, check.Id))) return basis.Name == Instance ? Unrecognised : Contraindicated;
            var isSilent = missing.Any(id => IsOf(basis, id)) || leftOut.Any(group => Unsaid[group].Contains(basis.Name));
            return !isSilent && basis.Needs.All(HasOne) ? TrustVector.Affirmed : 0;
        }

        bool HasOne(string[] alternatives) => checks.Any(check => check.Result == CheckResult.Passed && alternatives.Any(each => Matches(each, check.Id)));

        // what no other claim takes is the hardware's, so that no check is nobody's
        bool IsOf(Basis basis, string id) => (bases.FirstOrDefault(each => each.Checks.Any(row => Matches(row, id)))?.Name ?? Hardware) == basis.Name;
    }

    private static bool Matches(string row, string id) => row[^1] switch
    {
        '*' => id.StartsWith(row[..^1], StringComparison.Ordinal),
        '=' => id == row[..^1],
        _ => id == row || id.StartsWith(row + ".", StringComparison.Ordinal),
    };
}
