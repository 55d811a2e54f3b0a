using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nvidia;

/// <summary>Steps 7 and 8 of spec/evidence-nvidia.md: the RIMs of the running firmware, and whether what was measured is what they want.</summary>
internal sealed class RimSteps(NvidiaKind kind, CertificatePaths paths)
{
    /// <summary>The one measurement of a unit that some GPUs have switched off, and then not measured.</summary>
    private const int Nvdec0 = 35;

    public void Appraise(SpdmReport report, string? architecture, DateTimeOffset at, NvidiaEndorsements endorsements, NvidiaPolicy policy, Revocation revocation, DeviceFindings findings)
    {
        Form(report, endorsements.BrokenRims, findings);
        List<(RimRole Role, Rim Rim)> found = [];
        foreach (var role in kind.Roles)
        {
            if (Find(role, report, architecture, at, endorsements, revocation, findings) is { } rim) found.Add((role, rim));
        }
        foreach (var (role, rim) in found) Compare(role, rim, report, findings);
        if (found is [var (_, first), var (_, second)])
        {
            var both = Active(first).Select(each => each.Index).Intersect(Active(second).Select(each => each.Index)).ToList();
            findings.Check("8.overlap", "no measurement is claimed by both RIMs", both.Count == 0, both.Count == 0 ? null : $"both claim {string.Join(", ", both)}");
        }
        Pinned(report, policy, findings);
        MinDriver(report, policy, findings);
    }

    /// <summary>A RIM that cannot be read counts where it may be the one of this firmware: it says its version somewhere. A directory may have those of other devices.</summary>
    private void Form(SpdmReport report, IReadOnlyList<BrokenDocument> broken, DeviceFindings findings)
    {
        var running = kind.Roles.Select(role => Running(role, report)).OfType<string>().ToList();
        var ours = broken.Where(each => running.Any(each.Document.Mentions)).ToList();
        findings.Check("7.form", "every RIM that was given for this firmware has the one form that is read", ours.Count == 0, ours.Count == 0 ? null : string.Join("; ", ours.Select(each => each.Reason)));
        foreach (var other in broken.Except(ours)) findings.NotChecked($"a RIM of other firmware that cannot be read: {other.Reason}");
    }

    private static string? Running(RimRole role, SpdmReport report) => role == RimRole.Driver ? report.Opaque.Text(OpaqueData.DriverVersion) : report.Opaque.Vbios();

    /// <summary>7: the RIM of the running version, signed, and not taken back. With several of that version, as for several boards, any that holds will do.</summary>
    private Rim? Find(RimRole role, SpdmReport report, string? architecture, DateTimeOffset at, NvidiaEndorsements endorsements, Revocation revocation, DeviceFindings findings)
    {
        var step = $"7.{Name(role)}";
        var running = Running(role, report);
        var what = $"the RIM of the running {Name(role)} is there, of exactly its version";
        var candidates = endorsements.Rims.Where(each => each.Role == role && (architecture is null || DeviceCertificate.Architecture(each.Product) == architecture)).ToList();
        if (candidates.Count == 0)
        {
            var id = Id(role, report, architecture, running);
            findings.Missing($"{step}.version", what, $"the RIM {id} (https://rim.attestation.nvidia.com/v1/rim/{Uri.EscapeDataString(id)})");
            return null;
        }
        var right = candidates.Where(each => each.Version.Equals(running, StringComparison.OrdinalIgnoreCase)).ToList();
        if (!findings.Check($"{step}.version", what, right.Count > 0, $"runs {running ?? "without a version"}, given for {string.Join(", ", candidates.Select(each => each.Version).Distinct())}; get {Id(role, report, architecture, running)}")
            && candidates.Count > 1) return null;
        // A single RIM of another version is still looked at, so that one verdict shows all that is wrong.
        var options = right.Count > 0 ? right : candidates;
        var chosen = options.FirstOrDefault(each => each.Verified is { } rim && Holds(rim, report)) ?? options.FirstOrDefault(each => each.Signer is not null) ?? options[0];
        return Trusted(step, role, chosen, at, revocation, findings);
    }

    private Rim? Trusted(string step, RimRole role, UnverifiedRim chosen, DateTimeOffset at, Revocation revocation, DeviceFindings findings)
    {
        findings.Check($"{step}.signature", $"the {Name(role)} RIM is signed as it stands, by a certificate that it brings", chosen.Signer is not null);
        var leaf = chosen.Signer ?? chosen.Certificates[0];
        var path = paths.Find(leaf, chosen.Certificates.Where(each => each != leaf), VendorRoots.NvidiaRim, at, out var reason);
        if (!findings.Check($"{step}.chain", $"the {Name(role)} RIM's signer leads to NVIDIA's pinned RIM root", path is not null, path is null ? reason : path.Root.Subject)) return null;
        findings.Check($"{step}.usage", $"the {Name(role)} RIM's signer may sign", leaf.Extensions.OfType<X509KeyUsageExtension>().All(usage => usage.KeyUsages.HasFlag(X509KeyUsageFlags.DigitalSignature)));
        var late = path!.NotValidAt(at);
        findings.Check($"{step}.validity", $"every certificate of the {Name(role)} RIM's chain is valid at the time", late is null, late is null ? null : $"{late.Subject}: {late.NotBefore.ToUniversalTime():u} to {late.NotAfter.ToUniversalTime():u}");
        for (var i = 0; i < path.Certificates.Count - 1; i++) revocation.Check($"{step}.revocation{(i == 0 ? "" : $"-{i}")}", path.Certificates[i], path.Certificates[i + 1]);
        findings.Uses(new($"RIM of {Name(role)} {chosen.Version} for {chosen.Product}, signed by {leaf.Subject}", leaf.NotBefore.ToUniversalTime(), leaf.NotAfter.ToUniversalTime()));
        return chosen.Verified;
    }

    /// <summary>8: every active measurement of the RIM is in the report, in one of its values, size and all.</summary>
    private void Compare(RimRole role, Rim rim, SpdmReport report, DeviceFindings findings)
    {
        var wrong = Active(rim).Where(golden => !IsSkipped(golden.Index, report) && !Measured(golden, report)).Select(golden => golden.Index).ToList();
        var counts = Active(rim).Any() && rim.Measurements.Count <= report.Blocks.Count;
        findings.Check($"8.{Name(role)}", $"every measurement that the {Name(role)} RIM wants is in the report with a wanted value", counts && wrong.Count == 0,
            !counts ? $"the RIM has {rim.Measurements.Count} measurements, {Active(rim).Count()} of them active, the report {report.Blocks.Count}" : wrong.Count == 0 ? $"{Active(rim).Count()} compared" : $"differ: {string.Join(", ", wrong)}");
    }

    private static bool Holds(Rim rim, SpdmReport report) => Active(rim).All(golden => IsSkipped(golden.Index, report) || Measured(golden, report));

    private static bool Measured(GoldenMeasurement golden, SpdmReport report) =>
        report.Blocks.FirstOrDefault(block => block.Index == golden.Index + 1) is { } block && golden.Alternatives.Any(value => CryptographicOperations.FixedTimeEquals(value, block.Value.Span));

    /// <summary>Only a device that signs that the unit is off, in the one byte that says so, is excused.</summary>
    private static bool IsSkipped(int index, SpdmReport report) => index == Nvdec0 && report.Opaque[OpaqueData.Nvdec0Status] is { Span: [OpaqueData.Off] };

    private static void Pinned(SpdmReport report, NvidiaPolicy policy, DeviceFindings findings)
    {
        if (policy.Measurements.Count == 0) return;
        var wrong = policy.Measurements.Where(pin => !Measured(new(int.Parse(pin.Key, System.Globalization.CultureInfo.InvariantCulture), true, [.. pin.Value.Select(Convert.FromHexString)]), report)).Select(pin => pin.Key).ToList();
        findings.Check("8.policy", "every measurement that the policy names has a value that it names", wrong.Count == 0, wrong.Count == 0 ? null : $"differ: {string.Join(", ", wrong)}");
    }

    private void MinDriver(SpdmReport report, NvidiaPolicy policy, DeviceFindings findings)
    {
        if (kind.IsSwitch) return;
        var version = report.Opaque.Text(OpaqueData.DriverVersion);
        if (policy.MinDriver is { } least) findings.Check("8.min-driver", "the driver is no older than the policy allows", DriverVersion.IsAtLeast(version, least), $"at least {least}, found {version ?? "none"}", CheckGroup.Tcb);
        else findings.NotChecked($"whether driver {version ?? "(none)"} is recent enough: the policy names no lowest version, and a RIM of an old one holds too");
    }

    private static IEnumerable<GoldenMeasurement> Active(Rim rim) => rim.Measurements.Values.Where(each => each.Active);

    private string Name(RimRole role) => role == RimRole.Driver ? "driver" : kind.IsSwitch ? "bios" : "vbios";

    /// <summary>What NVIDIA's RIM service calls it.</summary>
    private string Id(RimRole role, SpdmReport report, string? architecture, string? version)
    {
        var packed = version?.Replace(".", "", StringComparison.Ordinal).ToUpperInvariant();
        if (kind.IsSwitch) return $"NV_SWITCH_BIOS_5612_0002_890_{packed}";
        if (role == RimRole.Driver) return architecture == "blackwell" ? $"NV_GPU_CC_DRIVER_GB100_{version}" : $"NV_GPU_DRIVER_GH100_{version}";
        return $"NV_GPU_VBIOS_{report.Opaque.Text(OpaqueData.Project)}_{report.Opaque.Text(OpaqueData.ProjectSku)}_{report.Opaque.Text(OpaqueData.ChipSku)}_{packed}";
    }
}
