using System.Text.Json;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>A level of a platform's firmware with its status.</summary>
/// <param name="Sgx">16 components.</param>
/// <param name="PceSvn">Of the provisioning certification enclave.</param>
/// <param name="Tdx">16 components; null in TCB info of SGX.</param>
/// <param name="Status">Intel's word; it may be one that nobody here knows.</param>
/// <param name="Date">When this level was the newest.</param>
/// <param name="Advisories">What this level is open to.</param>
internal sealed record TcbLevel(IReadOnlyList<int> Sgx, int PceSvn, IReadOnlyList<int>? Tdx, string Status, DateTimeOffset Date, IReadOnlyList<string> Advisories)
{
    public bool IsReachedBy(PckCertificate pck)
    {
        for (var i = 0; i < 16; i++)
        {
            if (pck.Components[i] < Sgx[i]) return false;
        }
        return pck.PceSvn >= PceSvn;
    }

    /// <summary>The two first components are the module's own where it has an identity of its own (TEE_TCB_SVN[1] above 0), and judged with it.</summary>
    public bool IsReachedBy(ReadOnlySpan<byte> teeTcbSvn)
    {
        for (var i = teeTcbSvn[1] > 0 ? 2 : 0; i < 16; i++)
        {
            if (Tdx is null || teeTcbSvn[i] < Tdx[i]) return false;
        }
        return true;
    }
}

/// <summary>A level of a TDX module or of a quoting enclave.</summary>
internal sealed record ModuleLevel(int IsvSvn, string Status, DateTimeOffset Date, IReadOnlyList<string> Advisories)
{
    /// <summary>The levels, highest first: the first that is reached is the one.</summary>
    public static IReadOnlyList<ModuleLevel> Read(JsonElement of, int max) =>
    [
        .. of.GetProperty("tcbLevels").EnumerateArray()
            .Select(level => new ModuleLevel(SignedJson.Svn(level.GetProperty("tcb"), "isvsvn", max), SignedJson.Text(level, "tcbStatus"), SignedJson.Time(level, "tcbDate"), SignedJson.Advisories(level)))
            .OrderByDescending(level => level.IsvSvn).ThenByDescending(level => level.Date),
    ];
}

/// <summary>A TDX module as Intel knows it.</summary>
/// <param name="Id"><c>TDX_01</c> and so on; empty for the one of TEE_TCB_SVN[1] = 0, which has no levels of its own.</param>
internal sealed record TdxModule(string Id, ReadOnlyMemory<byte> MrSigner, ReadOnlyMemory<byte> Attributes, IReadOnlyList<ModuleLevel> Levels)
{
    internal static TdxModule Read(JsonElement of, bool hasId) =>
        new(hasId ? SignedJson.Text(of, "id").ToUpperInvariant() : "", SignedJson.Hex(of, "mrsigner", 48), SignedJson.Hex(of, "attributes", 8), hasId ? ModuleLevel.Read(of, byte.MaxValue) : []);
}

/// <summary>What Intel says of the platforms of one FMSPC: <c>tcbInfo</c> of the PCS API, version 2 (SGX) or 3 (SGX and TDX).</summary>
internal sealed record TcbInfo(SignedJson Json, string Id, int Version, DateTimeOffset IssueDate, DateTimeOffset NextUpdate, int EvaluationDataNumber)
    : IntelSigned(Json, Id, Version, IssueDate, NextUpdate, EvaluationDataNumber)
{
    public required ReadOnlyMemory<byte> Fmspc { get; init; }

    public required ReadOnlyMemory<byte> PceId { get; init; }

    /// <summary>Highest first, as Intel's library sorts them: by SGX components, PCESVN, TDX components.</summary>
    public required IReadOnlyList<TcbLevel> Levels { get; init; }

    public required IReadOnlyList<TdxModule> Modules { get; init; }

    /// <summary>The module of a major version, TEE_TCB_SVN[1]; null where Intel does not know it.</summary>
    public TdxModule? Module(int version) => Modules.FirstOrDefault(module => module.Id == (version == 0 ? "" : $"TDX_{version:X2}"));

    /// <exception cref="MalformedException">Not of Intel's form.</exception>
    public static TcbInfo Parse(SignedJson json) => json.Read(root =>
    {
        var version = root.GetProperty("version").GetInt32();
        if (version is not (2 or 3)) throw new MalformedException(-1, $"TCB info has version 2 or 3, not {version}");
        if (root.GetProperty("tcbType").GetInt32() != 0) throw new MalformedException(-1, "TCB info of another type than 0 is composed by rules that are not known");
        var id = version == 2 ? "SGX" : SignedJson.Text(root, "id");
        IEnumerable<TdxModule> modules = root.TryGetProperty("tdxModule", out var module) ? [TdxModule.Read(module, false)] : [];
        if (root.TryGetProperty("tdxModuleIdentities", out var identities)) modules = modules.Concat(identities.EnumerateArray().Select(each => TdxModule.Read(each, true)));
        var levels = root.GetProperty("tcbLevels").EnumerateArray().Select(level => Level(level, version, id)).ToList();
        levels.Sort((a, b) => -Compare(a, b));
        return new TcbInfo(json, id, version, SignedJson.Time(root, "issueDate"), SignedJson.Time(root, "nextUpdate"), root.GetProperty("tcbEvaluationDataNumber").GetInt32())
        {
            Fmspc = SignedJson.Hex(root, "fmspc", 6), PceId = SignedJson.Hex(root, "pceId", 2), Levels = levels, Modules = [.. modules],
        };
    });

    private static TcbLevel Level(JsonElement level, int version, string id)
    {
        var tcb = level.GetProperty("tcb");
        IReadOnlyList<int> sgx = version == 2
            ? [.. Enumerable.Range(1, 16).Select(component => SignedJson.Svn(tcb, $"sgxtcbcomp{component:00}svn", byte.MaxValue))]
            : Components(tcb, "sgxtcbcomponents");
        return new(sgx, SignedJson.Svn(tcb, "pcesvn", ushort.MaxValue), id == "TDX" ? Components(tcb, "tdxtcbcomponents") : null,
            SignedJson.Text(level, "tcbStatus"), SignedJson.Time(level, "tcbDate"), SignedJson.Advisories(level));
    }

    private static int[] Components(JsonElement tcb, string member)
    {
        int[] components = [.. tcb.GetProperty(member).EnumerateArray().Select(component => SignedJson.Svn(component, "svn", byte.MaxValue))];
        return components.Length == 16 ? components : throw new MalformedException(-1, $"{member} has 16 components, not {components.Length}");
    }

    private static int Compare(TcbLevel a, TcbLevel b)
    {
        var order = Compare(a.Sgx, b.Sgx);
        if (order == 0) order = a.PceSvn.CompareTo(b.PceSvn);
        return order == 0 && a.Tdx is not null && b.Tdx is not null ? Compare(a.Tdx, b.Tdx) : order;
    }

    private static int Compare(IReadOnlyList<int> a, IReadOnlyList<int> b) => a.Zip(b).Select(pair => pair.First.CompareTo(pair.Second)).FirstOrDefault(order => order != 0);
}
