using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nvidia;

/// <summary>What is known of a device after its own steps, for those about all devices. Names are null where they could not be learned.</summary>
/// <param name="Report">As the device signed it.</param>
/// <param name="Architecture">hopper, blackwell or ls10.</param>
/// <param name="Serial">As NVIDIA certified it.</param>
/// <param name="Key">Digest of the device's certified public key.</param>
/// <param name="Claims">Decoded.</param>
internal sealed record AppraisedDevice(SpdmReport Report, string? Architecture, string? Serial, Digest? Key, JsonObject Claims);

/// <summary>Steps 1 to 9 of spec/evidence-nvidia.md, for one device.</summary>
internal sealed class DeviceSteps(NvidiaKind kind, CertificatePaths paths)
{
    private const int ChainLength = 5;
    private const string Needed = "the device's certificate chain: it comes with the report in NVIDIA's JSON (nvattest collect-evidence), or give it as PEM";

    /// <summary>From the leaf on; the root is pinned and nobody revokes it.</summary>
    private static readonly string[] Links = ["leaf", "device", "provisioner", "product"];

    private readonly RimSteps rims = new(kind, paths);

    public AppraisedDevice Appraise(DeviceEvidence evidence, AppraisalRequest request, NvidiaEndorsements endorsements, NvidiaPolicy policy, DeviceFindings findings)
    {
        var report = evidence.Report;
        var revocation = new Revocation(endorsements, request.At, TimeSpan.FromDays(policy.MaxEndorsementAgeDays), findings);
        Shape(report, findings);
        var leaf = Leaf(evidence, endorsements);
        Envelope(evidence, leaf, findings);
        var path = leaf is null ? null : Chain(leaf, evidence, endorsements, request.At, findings);
        if (leaf is null) findings.Missing("2.chain", ChainHolds, Needed);
        else Fwid(leaf, report, findings);
        if (path is not null) Revoked(path, policy, revocation, findings);
        Challenge(report, request, findings);
        if (leaf is not null) findings.Check("6", "the device's attestation key signed the request and its response", IsSigned(report, leaf.Certificate));
        rims.Appraise(report, DeviceCertificate.Architecture(leaf?.Product), request.At, endorsements, policy, revocation, findings);
        Modes(evidence, policy, findings);
        return Summary(evidence, leaf, path);
    }

    private const string ChainHolds = "the attestation key's certificate leads to NVIDIA's pinned device root";

    /// <summary>1: the device was asked for everything and says everything once, in order.</summary>
    private void Shape(SpdmReport report, DeviceFindings findings)
    {
        findings.Check("1.request", "the request asks for all measurements, signed", report is { RequestAttributes: 1, RequestedIndex: 0xFF } && report.Slot <= 7,
            $"attributes 0x{report.RequestAttributes:x2}, index 0x{report.RequestedIndex:x2}, slot {report.Slot}");
        findings.Check("1.slot", "the response is signed with the chain that was asked for", report.Slot == report.ResponseSlot, $"asked for slot {report.Slot}, answered from {report.ResponseSlot}");
        findings.Check("1.indices", "measurements are numbered from 1 on, each once", report.Blocks.Count > 0 && report.Blocks.Select(block => block.Index).SequenceEqual(Enumerable.Range(1, report.Blocks.Count)),
            $"{report.Blocks.Count} measurements");
        findings.Check("1.kind", $"the report is that of {(kind.IsSwitch ? "a switch, which has no driver" : "a GPU, which names its driver")}", kind.IsOfThisKind(report));
        findings.Check("1.versions", "the versions that the report states are letters, digits, dots, hyphens and underscores", report.Opaque.Vbios() is not null && (kind.IsSwitch || report.Opaque.Text(OpaqueData.DriverVersion) is not null));
    }

    /// <summary>Whatever a document says beside the report must be what the report says. Silence is no contradiction; the report is what counts.</summary>
    private static void Envelope(DeviceEvidence evidence, DeviceCertificate? leaf, DeviceFindings findings)
    {
        var said = evidence.Report.Opaque;
        var wrong = new List<string>();
        void Compare(string name, string? signed)
        {
            if (evidence.Stated.TryGetValue(name, out var stated) && !stated.Equals(signed, StringComparison.OrdinalIgnoreCase)) wrong.Add($"{name} {stated}, signed {signed ?? "nothing"}");
        }
        Compare("nonce", Convert.ToHexStringLower(evidence.Report.Nonce.Span));
        Compare("driver_version", said.Text(OpaqueData.DriverVersion));
        Compare("vbios_version", said.Vbios());
        if (leaf is not null) Compare("arch", DeviceCertificate.Architecture(leaf.Product));
        findings.Check("1.envelope", "the document says nothing that the report does not say", wrong.Count == 0, wrong.Count == 0 ? null : string.Join("; ", wrong));
    }

    /// <summary>The certificate that came with the report. Where a directory has those of several devices: the one whose key signed; which proves nothing yet.</summary>
    private static DeviceCertificate? Leaf(DeviceEvidence evidence, NvidiaEndorsements endorsements)
    {
        var candidates = evidence.Certificates.Count > 0 ? [evidence.Certificates[0]] : endorsements.Certificates.Where(DeviceCertificate.IsOne).ToList();
        var chosen = candidates.Count > 1 ? candidates.FirstOrDefault(each => IsSigned(evidence.Report, each)) ?? candidates[0] : candidates.FirstOrDefault();
        return chosen is null ? null : DeviceCertificate.Read(chosen);
    }

    /// <summary>2: the chain, whose root counts by its pinned key only.</summary>
    private CertificatePath? Chain(DeviceCertificate leaf, DeviceEvidence evidence, NvidiaEndorsements endorsements, DateTimeOffset at, DeviceFindings findings)
    {
        var others = evidence.Certificates.Count > 0 ? evidence.Certificates.Skip(1).Concat(endorsements.Roots) : endorsements.Certificates.Where(each => each != leaf.Certificate);
        var path = paths.Find(leaf.Certificate, others, VendorRoots.NvidiaDevice, at, out var reason);
        if (!findings.Check("2.chain", ChainHolds, path is not null, path is null ? reason : path.Root.Subject)) return null;
        findings.Check("2.length", $"the chain has {ChainLength} certificates: attestation key, device, provisioner, product, root", path!.Certificates.Count == ChainLength, $"it has {path.Certificates.Count}");
        var late = path.NotValidAt(at);
        findings.Check("2.validity", "every certificate of the chain is valid at the time", late is null, late is null ? null : $"{late.Subject}: {late.NotBefore.ToUniversalTime():u} to {late.NotAfter.ToUniversalTime():u}");
        findings.Check("2.usage", "the attestation key's certificate is for signatures, and for no certificates",
            leaf.Certificate.Extensions.OfType<X509KeyUsageExtension>().Any(usage => usage.KeyUsages == X509KeyUsageFlags.DigitalSignature)
            && !leaf.Certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(constraints => constraints.CertificateAuthority));
        var architecture = DeviceCertificate.Architecture(leaf.Product);
        findings.Check("2.product", $"the certificate is that of {(kind.IsSwitch ? "an NVIDIA switch" : "an NVIDIA GPU")} of a known generation", kind.Is(architecture), $"product {leaf.Product ?? "not named"}");
        return path;
    }

    /// <summary>3: the firmware that signs is the firmware that was certified. A switch's report has no FWID; where it has one, it counts.</summary>
    private void Fwid(DeviceCertificate leaf, SpdmReport report, DeviceFindings findings)
    {
        const string What = "the firmware in the report is the firmware in the certificate (FWID)";
        var said = report.Opaque[OpaqueData.Fwid];
        if (said is null && kind.IsSwitch) findings.Check("3", "the certificate names the firmware (FWID); switches do not repeat it in the report", leaf.Fwid is not null, Hex(leaf.Fwid));
        else if (said is not { } inReport || leaf.Fwid is not { } certified) findings.Check("3", What, false, $"report {Hex(said)}, certificate {Hex(leaf.Fwid)}");
        else if (!inReport.Span.ContainsAnyExcept((byte)0)) findings.Check("3", What, false, "the report names none: all zero");
        else findings.Same("3", What, certified.Span, inReport.Span);
    }

    /// <summary>4: nobody below the root was taken back, the leaf included.</summary>
    private static void Revoked(CertificatePath path, NvidiaPolicy policy, Revocation revocation, DeviceFindings findings)
    {
        for (var i = 0; i < path.Certificates.Count - 1; i++)
        {
            var step = $"4.{(i < Links.Length ? Links[i] : i)}";
            if (i == 0 && !policy.LeafRevocation) findings.Skip(step, Revocation.What(path.Certificates[0]), "the policy does not ask for it: the device itself issued this certificate");
            else revocation.Check(step, path.Certificates[i], path.Certificates[i + 1]);
        }
    }

    /// <summary>5: the answer is to the caller's challenge.</summary>
    private static void Challenge(SpdmReport report, AppraisalRequest request, DeviceFindings findings)
    {
        const string What = "the request's nonce is the caller's, all 32 bytes";
        if (request.Nonce is { } nonce) findings.Same("5", What, nonce.Span, report.Nonce.Span, CheckGroup.Binding);
        else findings.Check("5", What, false, "the caller gave none", CheckGroup.Binding);
        if (request.ReportData is not null) findings.Check("5.report-data", "the caller asks for nothing that these devices do not have", false, "NVIDIA's devices have a nonce and no report data", CheckGroup.Binding);
    }

    /// <summary>9: how the device runs, as far as it says.</summary>
    private void Modes(DeviceEvidence evidence, NvidiaPolicy policy, DeviceFindings findings)
    {
        var opaque = evidence.Report.Opaque;
        if (!kind.IsSwitch)
        {
            var mode = opaque.Mode();
            findings.Check("9.mode", "GPUs are tied together in a way that the policy allows", mode is not null && policy.Modes.Contains(mode), $"allowed {string.Join(", ", policy.Modes)}; found {mode ?? "a number without a meaning"}");
        }
        else if (opaque[OpaqueData.LockStatus] is { } locked)
        {
            findings.Check("9.lock", "the switch's lock status has a known meaning", locked.Span is [0 or 1, 0], $"0x{Convert.ToHexStringLower(locked.Span)}");
        }
        const string What = "confidential computing is on, and not in DevTools mode";
        if (evidence.Stated.TryGetValue("cc_mode", out var cc)) findings.Check("9.cc", What, cc == "on", $"the document says {cc}");
        else
        {
            findings.Skip("9.cc", What, "the report has no field for it");
            findings.NotChecked("whether confidential computing is on and DevTools mode off: no field of the report says so. The attested guest must ask its driver and say so as cc_mode in its document");
        }
    }

    private static bool IsSigned(SpdmReport report, X509Certificate2 leaf)
    {
        try
        {
            using var key = leaf.GetECDsaPublicKey();
            return key is { KeySize: 384 } && key.VerifyData(report.Signed.Span, report.Signature.Span, HashAlgorithmName.SHA384, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        catch (CryptographicException) // a certificate that parses and whose key is no point of its curve
        {
            return false;
        }
    }

    private AppraisedDevice Summary(DeviceEvidence evidence, DeviceCertificate? leaf, CertificatePath? path)
    {
        var device = path is { Certificates.Count: > 1 } ? path.Certificates[1] : null;
        var serial = device is null ? null : DeviceWords.SerialNumber(device);
        var architecture = DeviceCertificate.Architecture(leaf?.Product);
        var key = device is null ? (Digest?)null : Digest.Of(device.PublicKey.ExportSubjectPublicKeyInfo());
        return new(evidence.Report, architecture, serial, key, DeviceWords.Claims(evidence, leaf, architecture, serial, key, kind));
    }

    private static string Hex(ReadOnlyMemory<byte>? bytes) => bytes is { } some ? Convert.ToHexStringLower(some.Span) : "none";
}
