using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>
/// Steps 4 to 7, 10 and 12 to 15: what Intel says of platform, TDX module and quoting enclave, and how current they are. All of it is the group <see cref="CheckGroup.Tcb"/>,
/// except whose the quoting enclave and the module are: that is asked always.
/// </summary>
internal sealed class TcbSteps(QuoteAppraisal appraisal, PckCertificate? pck, CertificatePath? path, RevocationList? rootList, IReadOnlyList<X509Certificate2> inside)
{
    private const string SigningName = "Intel SGX TCB Signing";

    private readonly Tee tee = appraisal.Quote.Tee;
    private TcbInfo? tcb;
    private QeIdentity? identity;
    private TcbStatus? qe;
    private ModuleLevel? qeLevel;
    private TdxModule? module;

    private string Kind => tee == Tee.Sgx ? "SGX" : "TDX";

    /// <summary>Steps 4 to 7.</summary>
    public void CheckDocuments()
    {
        if (appraisal.Findings.LeavesOut(CheckGroup.Tcb))
        {
            foreach (var (step, what) in new[] { ("4", "there is TCB info, signed by Intel and fresh"), ("5", "there is an identity of the quoting enclave, signed by Intel and fresh"), ("6", "the TCB info is of this platform") })
                appraisal.Skip(step, what, "left out: tcb");
        }
        else if (pck is not null)
        {
            CheckTcbInfo();
            CheckIdentity();
            CheckPlatform();
        }
        if (tee == Tee.Tdx) CheckModule(new(appraisal.Quote.Body));
    }

    /// <summary>Step 10: who the quoting enclave is, and how current.</summary>
    public void CheckQuotingEnclave()
    {
        var report = new EnclaveReport(appraisal.Quote.QeReport);
        var known = KnownQe.Of(tee);
        appraisal.Same("10.signer", "the quoting enclave is signed by Intel", (identity?.MrSigner ?? known.MrSigner).Span, report.MrSigner);
        var product = identity?.IsvProductId ?? known.IsvProductId;
        appraisal.Check("10.product", "it is Intel's quoting enclave of this technology, and no other enclave of Intel's", report.IsvProductId == product, $"expected product {product}, found {report.IsvProductId}");
        if (identity is null)
        {
            appraisal.Check("10.attributes", "the quoting enclave runs, and nobody debugs it", (report.Flags & (EnclaveReport.Init | EnclaveReport.Debug)) == EnclaveReport.Init, $"attributes {Convert.ToHexStringLower(report.Attributes)}");
            return;
        }
        appraisal.Check("10.attributes", "the quoting enclave's attributes are those of its identity", identity.HasAttributes(report), $"expected {Hex(identity.Attributes)} under {Hex(identity.AttributesMask)}, found {Convert.ToHexStringLower(report.Attributes)}");
        appraisal.Check("10.miscselect", "so is MISCSELECT", identity.HasMiscSelect(report), $"expected {identity.MiscSelect:x8} under {identity.MiscSelectMask:x8}, found {report.MiscSelect:x8}");
        qeLevel = identity.Levels.FirstOrDefault(level => level.IsvSvn <= report.IsvSvn);
        qe = qeLevel is null ? null : TcbConvergence.OfModule(qeLevel.Status);
        appraisal.Check("10.level", "Intel knows the quoting enclave's version", qe is not null, $"ISVSVN {report.IsvSvn}: {qeLevel?.Status ?? "no level"}", CheckGroup.Tcb);
    }

    /// <summary>Steps 12 to 15.</summary>
    public void CheckLevels()
    {
        if (appraisal.Findings.LeavesOut(CheckGroup.Tcb))
        {
            appraisal.Skip("12", "platform, module and quoting enclave are current enough", "left out: tcb");
            return;
        }
        if (tcb is null || pck is null) return;
        var sgxLevel = tcb.Levels.FirstOrDefault(level => level.IsReachedBy(pck));
        var sgx = sgxLevel is null ? null : TcbConvergence.OfPlatform(sgxLevel.Status);
        if (!appraisal.Check("12.sgx", "the platform's components reach a level that Intel knows", sgx is not null, sgxLevel is null ? "no level is reached" : $"{sgxLevel.Status}, PCESVN {sgxLevel.PceSvn}", CheckGroup.Tcb)) return;
        var (status, levels) = tee == Tee.Sgx ? (sgx, [new(0, sgxLevel!.Status, sgxLevel.Date, sgxLevel.Advisories)]) : OfDomain(sgx!.Value, new(appraisal.Quote.Body));
        if (status is null || identity is null || qe is null || qeLevel is null) return;
        Judge(status.Value.With(qe.Value), [.. levels, qeLevel]);
    }

    private void CheckTcbInfo()
    {
        const string What = "there is TCB info of this platform that can be read";
        var where = $"TCB info of FMSPC {Hex(pck!.Fmspc)} for {Kind}, https://api.trustedservices.intel.com/{Kind.ToLowerInvariant()}/certification/v4/tcb?fmspc={Hex(pck.Fmspc)}";
        var ours = appraisal.Collateral.TcbInfos.Where(info => info.Fmspc.Span.SequenceEqual(pck.Fmspc.Span)).ToList();
        var fitting = ours.Where(info => info.Id == Kind).ToList();
        if (fitting.Count == 0 && ours.Count > 0) appraisal.Check("4.form", "the TCB info is of the quote's technology", false, $"expected {Kind}, found {string.Join(", ", ours.Select(info => $"{info.Id} version {info.Version}"))}", CheckGroup.Tcb);
        else if (fitting.Count == 0 && Broken(Hex(pck.Fmspc)) is { } reason) appraisal.Check("4.form", What, false, reason, CheckGroup.Tcb);
        else if (fitting.Count == 0) appraisal.Missing("4.form", What, where, CheckGroup.Tcb);
        else
        {
            appraisal.Check("4.form", What, true, $"version {fitting[0].Version}", CheckGroup.Tcb);
            tcb = Trusted("4", "TCB info", fitting, where);
        }
    }

    private void CheckIdentity()
    {
        const string What = "there is an identity of the quoting enclave";
        var id = tee == Tee.Sgx ? "QE" : "TD_QE";
        var where = $"the identity {id}, https://api.trustedservices.intel.com/{Kind.ToLowerInvariant()}/certification/v4/qe/identity";
        var fitting = appraisal.Collateral.QeIdentities.Where(each => each.Id == id).ToList();
        if (fitting.Count == 0 && appraisal.Collateral.QeIdentities.Count > 0) appraisal.Check("5.form", What, false, $"expected {id}, found {string.Join(", ", appraisal.Collateral.QeIdentities.Select(each => each.Id))}", CheckGroup.Tcb);
        else if (fitting.Count == 0 && (Broken("enclaveIdentity") ?? Broken("qe_identity")) is { } reason) appraisal.Check("5.form", What, false, reason, CheckGroup.Tcb);
        else if (fitting.Count == 0) appraisal.Missing("5.form", What, where, CheckGroup.Tcb);
        else
        {
            appraisal.Check("5.form", What, true, null, CheckGroup.Tcb);
            identity = Trusted("5", $"the identity {id}", fitting, where);
        }
    }

    /// <summary>Why a document that seems to be the one that is needed cannot be read. Others that cannot are none of this quote's business.</summary>
    private string? Broken(string word) => appraisal.Collateral.Broken.FirstOrDefault(each => each.Document.Mentions(word))?.Reason;

    /// <summary>The newest of several that Intel's TCB signing key signed.</summary>
    private T? Trusted<T>(string step, string name, List<T> all, string where)
        where T : IntelSigned
    {
        IReadOnlyList<X509Certificate2> root = path is null ? inside : [path.Root];
        var signers = appraisal.Collateral.Certificates.Where(each => CertificateName.CommonOf(each) == SigningName).ToList();
        if (signers.Count == 0)
        {
            appraisal.Missing($"{step}.chain", $"{name} is signed by a certificate that leads to Intel's root", $"the certificate {SigningName} (header TCB-Info-Issuer-Chain of the answer that brought {name})", CheckGroup.Tcb);
            return null;
        }
        var newest = all.Where(each => each.IssueDate <= appraisal.At).DefaultIfEmpty(all[0]).OrderByDescending(each => each.IssueDate).ThenByDescending(each => each.EvaluationDataNumber).ToList();
        var (found, signer) = newest.SelectMany(each => signers, (each, by) => (each, by)).FirstOrDefault(pair => appraisal.Collateral.IsSigned(pair.each.Json, pair.by));
        var way = PckChain.FindPath(appraisal, signer ?? signers[0], root, [.. inside, .. appraisal.Collateral.Certificates], $"{step}.chain", CheckGroup.Tcb);
        var signed = appraisal.Check($"{step}.signature", $"the signing certificate signed the bytes of {name} as they came", found is not null, null, CheckGroup.Tcb);
        if (way is null || !signed) return null;
        if (!appraisal.Check($"{step}.names", "the signing certificate comes from the root itself", way.Certificates.Count == 2, string.Join(", then ", way.Certificates.Select(CertificateName.CommonOf)), CheckGroup.Tcb)) return null;
        var old = way.NotValidAt(appraisal.At);
        appraisal.Check($"{step}.valid", "the signing certificate is valid at the time", old is null, old is null ? null : $"{old.Subject} is valid from {old.NotBefore:u} to {old.NotAfter:u}", CheckGroup.Tcb);
        if (rootList is not null) PckChain.NotListed(appraisal, $"{step}.revoked", "the signing certificate was not revoked by the root", rootList, way.Leaf);
        CheckFresh(step, name, found!, where);
        return found;
    }

    private void CheckFresh(string step, string name, IntelSigned document, string where)
    {
        var words = $"{name} is valid at the time and not older than {appraisal.MaxAge.TotalDays:0.#} days";
        if (appraisal.At < document.IssueDate || appraisal.AgeOf(document.IssueDate) > appraisal.MaxAge || appraisal.At >= document.NextUpdate)
            appraisal.Missing($"{step}.fresh", words, $"what is there was issued {document.IssueDate:u}, next at {document.NextUpdate:u}; a new one: {where}", CheckGroup.Freshness);
        else appraisal.Check($"{step}.fresh", words, true, $"issued {document.IssueDate:u}", CheckGroup.Freshness);
        var least = appraisal.Policy.MinimumTcbEvaluationDataNumber;
        appraisal.Check($"{step}.evaluation", $"tcbEvaluationDataNumber of {name} is at least the policy's", document.EvaluationDataNumber >= least, $"expected {least} at least, found {document.EvaluationDataNumber}", CheckGroup.Tcb);
        appraisal.Uses($"{name}, evaluation {document.EvaluationDataNumber}", document.IssueDate, document.NextUpdate);
    }

    private void CheckPlatform()
    {
        if (tcb is not null) appraisal.Same("6.pceid", "the TCB info, which was chosen by the platform's FMSPC, is of its PCEID too", tcb.PceId.Span, pck!.PceId.Span, CheckGroup.Tcb);
    }

    /// <summary>Step 7. Modules of Intel have the signer zero; TCB info repeats it, and could name another.</summary>
    private void CheckModule(TdReport report)
    {
        var version = report.TeeTcbSvn[1];
        module = tcb?.Module(version);
        if (tcb is not null) appraisal.Check("7.identity", "Intel knows the TDX module's major version", module is not null, $"version {version}, known are {string.Join(", ", tcb.Modules.Select(each => each.Id.Length == 0 ? "TDX_00" : each.Id))}", CheckGroup.Tcb);
        appraisal.Same("7.signer", "the TDX module is signed by Intel", (module?.MrSigner ?? new byte[48]).Span, report.MrSignerSeam);
        appraisal.Check("7.attributes", "the TDX module has no attributes, as Intel says", !report.SeamAttributes.ContainsAnyExcept((byte)0) && (module is null || module.Attributes.Span.SequenceEqual(report.SeamAttributes)),
            $"expected {(module is null ? new string('0', 16) : Hex(module.Attributes))}, found {Convert.ToHexStringLower(report.SeamAttributes)}");
    }

    /// <summary>Steps 12.tdx, 13 and the part of 14 that is the domain's: the level of its components, the module's, and whether starting it again is what is needed.</summary>
    private (TcbStatus? Status, IReadOnlyList<ModuleLevel> Levels) OfDomain(TcbStatus sgx, TdReport report)
    {
        var (svn, svn2) = (report.TeeTcbSvn.ToArray(), report.TeeTcbSvn2.ToArray());
        var level = tcb!.Levels.FirstOrDefault(each => each.IsReachedBy(pck!) && each.IsReachedBy(svn));
        var platform = level is null ? null : TcbConvergence.OfPlatform(level.Status);
        if (!appraisal.Check("12.tdx", "the domain's components reach a level that Intel knows", platform is not null, level is null ? $"no level is reached by {Convert.ToHexStringLower(svn)}" : level.Status, CheckGroup.Tcb)) return (null, []);
        if (module is null) return (null, []);
        // A module of major version 0 has no levels of its own: the first two components of the platform's level stand for it.
        var moduleLevel = svn[1] == 0 ? null : module.Levels.FirstOrDefault(each => each.IsvSvn <= svn[0]);
        var moduleStatus = svn[1] == 0 ? TcbStatus.UpToDate : moduleLevel is null ? null : TcbConvergence.OfModule(moduleLevel.Status);
        if (!appraisal.Check("13", "Intel knows the TDX module's version", moduleStatus is not null, svn[1] == 0 ? "judged with the platform" : $"ISVSVN {svn[0]}: {moduleLevel?.Status ?? "no level"}", CheckGroup.Tcb)) return (null, []);
        var status = platform!.Value.With(moduleStatus!.Value);
        if (sgx == TcbStatus.Revoked) status = TcbStatus.Revoked;
        if (report.Is15) status = TcbConvergence.WithRelaunch(sgx, status, moduleStatus.Value, qe, IsNewest(svn2));
        List<ModuleLevel> levels = [new(0, level!.Status, level.Date, level.Advisories)];
        if (moduleLevel is not null) levels.Add(moduleLevel);
        return (status, levels);
    }

    /// <summary>Whether a new start would bring the newest module and loader.</summary>
    private bool IsNewest(byte[] svn2)
    {
        var newest = tcb!.Levels[0].Tdx!;
        var moduleSvn = svn2[1] == 0 ? newest[0] : tcb.Module(svn2[1]) is { Levels: [var first, ..] } ? first.IsvSvn : (int?)null;
        return moduleSvn is { } asked && svn2[0] >= asked && svn2[2] >= newest[2];
    }

    private void Judge(TcbStatus status, IReadOnlyList<ModuleLevel> levels)
    {
        var policy = appraisal.Policy;
        var advisories = levels.SelectMany(level => level.Advisories).Distinct().Order(StringComparer.Ordinal).ToList();
        var date = levels.Min(level => level.Date);
        appraisal.Findings.Claims["tcb"] = new JsonObject
        {
            ["status"] = status.ToString(),
            ["date"] = Timestamp.Format(date),
            ["evaluation_data_number"] = tcb!.EvaluationDataNumber,
            ["advisories"] = new JsonArray([.. advisories.Select(each => JsonValue.Create(each))]),
        };
        var stands = appraisal.Check("14", "platform, module and quoting enclave together were not revoked", status != TcbStatus.Revoked, status.ToString(), CheckGroup.Tcb);
        if (stands) appraisal.Check("15.status", "the status is one that the policy accepts", policy.TcbStatuses.Contains(status.ToString()), $"expected {string.Join(" or ", policy.TcbStatuses)}, found {status} ({string.Join(", ", advisories)})", CheckGroup.Tcb);
        var denied = advisories.Intersect(policy.DeniedAdvisories).ToList();
        appraisal.Check("15.advisories", "the platform is open to no advisory that the policy denies", denied.Count == 0, string.Join(", ", denied), CheckGroup.Tcb);
        if (policy.MinimumTcbDate is { } least) appraisal.Check("15.date", "the levels were the newest on the policy's day or later", date >= least, $"expected {least:u}, found {date:u}", CheckGroup.Tcb);
        else appraisal.Skip("15.date", "the levels were the newest on the policy's day or later", "the policy names none");
    }

    private static string Hex(ReadOnlyMemory<byte> bytes) => Convert.ToHexStringLower(bytes.Span);
}
