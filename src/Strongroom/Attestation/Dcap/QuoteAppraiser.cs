using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>Appraises Intel's quotes (spec/evidence-tdx-sgx.md): the numbered steps that TDX and SGX share. What is in the body is for the kind.</summary>
internal abstract class QuoteAppraiser(VendorRoots roots) : Appraiser
{
    private const int MaxRemembered = 1000;
    private const int MaxChainSizeInBytes = 64 * 1024; // real ones have 4 KiB

    private readonly CertificatePaths paths = new(roots);
    private readonly P256Keys keys = new();
    private readonly ConditionalWeakTable<Endorsements, Collateral> collaterals = [];
    private readonly Remembered<Digest, IReadOnlyList<X509Certificate2>> chains = new(MaxRemembered);

    private protected abstract Tee Tee { get; }

    private protected override bool Recognises(ReadOnlySpan<byte> evidence) => QuoteFile.Holds(evidence, Tee);

    private protected override void AppraiseCore(AppraisalRequest request, Findings findings)
    {
        var policy = ReadPolicy(request.Policy);
        var (file, quote) = Read(request.Evidence);
        var inside = quote.CertificationType >= 4 ? Chain(quote.CertificationData) : [];
        var collateral = collaterals.GetValue(request.Endorsements, each => new(each));
        var appraisal = new QuoteAppraisal(Kind, quote, policy, request, findings, collateral, paths, keys);
        findings.Claims = QuoteClaims.Of(quote);

        appraisal.Same("1", "the quoting enclave's vendor is Intel", Quote.IntelVendorId, quote.VendorId);
        if (quote.Trailing.Length > 0) findings.NotChecked($"{quote.Trailing.Length} bytes after the quote: nothing signs them, nothing is read from them");
        if (file.Unread.Count > 0) findings.NotChecked($"what the file says beside the quote ({string.Join(", ", file.Unread)}): nothing binds it, nothing is read from it");
        foreach (var broken in collateral.Broken) findings.NotChecked($"an endorsement that cannot be read: {broken.Reason}");
        var (pck, path) = PckChain.Find(appraisal, inside);
        if (pck is not null) findings.Claims["platform"] = QuoteClaims.Of(pck);
        var rootList = path is null ? null : PckChain.CheckRevocation(appraisal, path);
        var tcb = new TcbSteps(appraisal, pck, path, rootList, inside);
        tcb.CheckDocuments();
        if (pck is not null) appraisal.Check("8", "the platform's key signed the report of the quoting enclave", appraisal.IsSigned(quote.QeReport, quote.QeReportSignature, pck.Key));
        CheckBinding(appraisal);
        tcb.CheckQuotingEnclave();
        appraisal.Check("11", "the attestation key signed header and body", appraisal.IsSigned(quote.Signed, quote.Signature, AttestationKey(quote)));
        tcb.CheckLevels();
        if (pck is not null) CheckCustody(appraisal, pck);
        CheckBody(appraisal, request, file);
    }

    public override IReadOnlyList<EvidenceField> Show(ReadOnlyMemory<byte> evidence)
    {
        var (file, quote) = Read(evidence);
        IEnumerable<EvidenceField> fields = [.. QuoteWords.Header(quote), .. ShowBody(quote), .. QuoteWords.Certification(quote, TryChain(quote)), .. QuoteWords.Rest(quote, file)];
        return [.. fields.Select(field => field with { Policy = WithKind(field.Policy) })];
    }

    /// <summary>The words say steps by their numbers; a verdict says them with the kind before.</summary>
    private string? WithKind(string? noticedBy) => noticedBy is null ? null : string.Join(", ", noticedBy.Split(", ").Select(word => char.IsAsciiDigit(word[0]) ? $"{Kind}.{word}" : word));

    private protected abstract QuotePolicy ReadPolicy(ReadOnlyMemory<byte> policy);

    /// <summary>Steps 16 and 17.</summary>
    private protected abstract void CheckBody(QuoteAppraisal appraisal, AppraisalRequest request, QuoteFile file);

    private protected abstract IEnumerable<EvidenceField> ShowBody(Quote quote);

    /// <summary>The last part of step 16. A quote has no nonce; who has one puts it, or a hash that it is in, into the report data.</summary>
    private protected static void CheckReportData(QuoteAppraisal appraisal, AppraisalRequest request, ReadOnlySpan<byte> found)
    {
        const string What = "the report data is the caller's";
        if (request.ReportData is { } expected) appraisal.Same("16.report_data", What, expected.Span, found, CheckGroup.Binding);
        else appraisal.Check("16.report_data", What, false, "a quote has no nonce: give all 64 bytes of report data", CheckGroup.Binding);
        if (request.ReportData is not null && request.Nonce is not null) appraisal.Check("16.nonce", "no nonce is asked for: a quote has none", false, null, CheckGroup.Binding);
    }

    private (QuoteFile File, Quote Quote) Read(ReadOnlyMemory<byte> evidence)
    {
        var file = QuoteFile.Read(evidence);
        var quote = Quote.Parse(file.Quote);
        return quote.Tee == Tee ? (file, quote) : throw new MalformedException(4, $"this is a quote of {quote.Tee}, not of {Tee}");
    }

    private IReadOnlyList<X509Certificate2> Chain(ReadOnlyMemory<byte> data)
    {
        if (data.Length > MaxChainSizeInBytes) throw new MalformedException(-1, $"a quote's certificates have {MaxChainSizeInBytes} bytes at most");
        var key = Digest.Of(data.Span);
        return chains.TryGet(key, out var known) ? known : chains.Add(key, PckChain.ReadCertificates(data));
    }

    private IReadOnlyList<X509Certificate2> TryChain(Quote quote)
    {
        try
        {
            return quote.CertificationType >= 4 ? Chain(quote.CertificationData) : [];
        }
        catch (MalformedException)
        {
            return [];
        }
    }

    private static void CheckBinding(QuoteAppraisal appraisal)
    {
        var quote = appraisal.Quote;
        var data = new EnclaveReport(quote.QeReport).ReportData;
        appraisal.Same("9", "the quoting enclave's report names the attestation key and its authentication data", SHA256.HashData([.. quote.AttestationKey.Span, .. quote.QeAuthenticationData.Span]), data[..32]);
        appraisal.Check("9.rest", "and nothing else", !data[32..].ContainsAnyExcept((byte)0), $"expected zeros, found {Convert.ToHexStringLower(data[32..])}");
    }

    private static void CheckCustody(QuoteAppraisal appraisal, PckCertificate pck)
    {
        var policy = appraisal.Policy;
        appraisal.Check("16.fmspc", "the platform's generation is not one that the policy denies", !policy.DeniedFmspcs.Contains(Convert.ToHexStringLower(pck.Fmspc.Span)), $"FMSPC {Convert.ToHexStringLower(pck.Fmspc.Span)}");
        appraisal.Among("16.ppid", "PPID", policy.Ppids, pck.Ppid.Span);
        appraisal.Among("16.instance", "platform instance id", policy.PlatformInstanceIds, (pck.PlatformInstanceId ?? default).Span, tell: false);
        Allowed("16.smt", "hyper-threading is off", policy.AllowSmt, pck.SmtEnabled);
        Allowed("16.dynamic", "no package can be added to the platform", policy.AllowDynamicPlatform, pck.DynamicPlatform);
        Allowed("16.cached", "Intel's registration service keeps no keys of the platform", policy.AllowCachedKeys, pck.CachedKeys);

        // What the certificate does not say may be so.
        void Allowed(string step, string what, bool allowed, bool? is_)
        {
            if (allowed) appraisal.Skip(step, what, "the policy does not ask");
            else appraisal.Check(step, what, is_ == false, is_ is null ? "the certificate does not say" : is_.ToString());
        }
    }

    private static ECPoint AttestationKey(Quote quote) => new() { X = quote.AttestationKey[..32].ToArray(), Y = quote.AttestationKey[32..].ToArray() };
}
