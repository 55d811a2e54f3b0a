using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;

namespace Strongroom.Attestation.Snp;

/// <summary>A report as typed claims, and in words for people.</summary>
internal static class SnpWords
{
    /// <summary>The policy member, or the check that no policy changes, which sees the field.</summary>
    private static readonly Dictionary<string, string> NoticedBy = new()
    {
        ["VERSION"] = "snp.1.version", ["GUEST_SVN"] = "minimum_guest_svn", ["POLICY"] = "snp.1.policy, minimum_abi", ["POLICY.DEBUG"] = "snp.12.debug", ["POLICY.MIGRATE_MA"] = "allow_migration_agent",
        ["POLICY.SMT"] = "guest.smt", ["POLICY.SINGLE_SOCKET"] = "guest.single_socket", ["POLICY.CXL_ALLOW"] = "guest.cxl", ["POLICY.MEM_AES_256_XTS"] = "guest.aes_256_xts",
        ["POLICY.RAPL_DIS"] = "guest.rapl_disabled", ["POLICY.CIPHERTEXT_HIDING"] = "guest.ciphertext_hiding", ["POLICY.PAGE_SWAP_DISABLE"] = "guest.page_swap_disabled",
        ["FAMILY_ID"] = "family_id", ["IMAGE_ID"] = "image_id", ["VMPL"] = "vmpl", ["SIGNATURE_ALGO"] = "snp.1.algorithm", ["PLATFORM_INFO"] = "snp.13",
        ["PLATFORM_INFO.SMT_EN"] = "platform.smt", ["PLATFORM_INFO.TSME_EN"] = "platform.tsme", ["PLATFORM_INFO.ECC_EN"] = "platform.ecc", ["PLATFORM_INFO.RAPL_DIS"] = "platform.rapl_disabled",
        ["PLATFORM_INFO.CIPHERTEXT_HIDING_DRAM_EN"] = "platform.ciphertext_hiding", ["PLATFORM_INFO.ALIAS_CHECK_COMPLETE"] = "platform.alias_check", ["PLATFORM_INFO.IOMMU_WRITE_SAFE"] = "platform.iommu_write_safe",
        ["PLATFORM_INFO.TIO_EN"] = "platform.trusted_io",
        ["AUTHOR_KEY_EN"] = "author_keys", ["MASK_CHIP_KEY"] = "allow_masked_chip", ["SIGNING_KEY"] = "snp.4", ["REPORT_DATA"] = "--report-data", ["MEASUREMENT"] = "measurements", ["HOST_DATA"] = "host_data",
        ["ID_KEY_DIGEST"] = "id_keys, require_id_block", ["AUTHOR_KEY_DIGEST"] = "author_keys", ["REPORT_ID"] = "report_id", ["REPORT_ID_MA"] = "allow_migration_agent", ["CPUID"] = "snp.2, denied_products",
        ["CHIP_ID"] = "snp.8, chip_ids", ["REPORTED_TCB"] = "snp.9, minimum_tcb", ["CURRENT_TCB"] = "minimum_tcb, allow_provisional_firmware", ["COMMITTED_TCB"] = "minimum_tcb, allow_provisional_firmware",
        ["LAUNCH_TCB"] = "minimum_tcb", ["CURRENT_VERSION"] = "minimum_firmware, allow_provisional_firmware", ["COMMITTED_VERSION"] = "minimum_firmware, allow_provisional_firmware",
        ["LAUNCH_MIT_VECTOR"] = "launch_mitigations", ["CURRENT_MIT_VECTOR"] = "current_mitigations", ["reserved"] = "snp.1.reserved", ["SIGNATURE"] = "snp.1.signature, snp.7",
    };

    public static JsonObject Claims(SnpReport report, SnpProduct? product, SnpKey? key)
    {
        var claims = new JsonObject
        {
            ["version"] = (long)report.Version,
            ["product"] = product?.ToString(),
            ["guest_svn"] = (long)report.GuestSvn,
            ["measurement"] = Hex(report.Measurement),
            ["report_data"] = Hex(report.ReportData),
            ["host_data"] = Hex(report.HostData),
            ["family_id"] = Hex(report.FamilyId),
            ["image_id"] = Hex(report.ImageId),
            ["id_key_digest"] = Hex(report.IdKeyDigest),
            ["author_key_enabled"] = report.AuthorKeyEnabled,
            ["author_key_digest"] = Hex(report.AuthorKeyDigest),
            ["report_id"] = Hex(report.ReportId),
            ["report_id_ma"] = Hex(report.MigrationAgentReportId),
            ["vmpl"] = (long)report.Vmpl,
            ["chip_id"] = Hex(report.ChipId),
            ["chip_key_masked"] = report.ChipKeyMasked,
            ["signing_key"] = report.SigningKey switch { 0 => "vcek", 1 => "vlek", 7 => "none", _ => "reserved" },
            ["provider_id"] = key?.ProviderId,
            ["abi_minimum"] = $"{report.Policy.AbiMajor}.{report.Policy.AbiMinor}",
            ["policy_bits"] = $"{report.Policy.Bits:x16}",
            ["policy"] = new JsonObject
            {
                ["smt"] = report.Policy.Smt, ["migration_agent"] = report.Policy.MigrationAgent, ["debug"] = report.Policy.Debug, ["single_socket"] = report.Policy.SingleSocket,
                ["cxl"] = report.Policy.Cxl, ["aes_256_xts"] = report.Policy.Aes256Xts, ["rapl_disabled"] = report.Policy.RaplDisabled,
                ["ciphertext_hiding"] = report.Policy.CiphertextHiding, ["page_swap_disabled"] = report.Policy.PageSwapDisabled,
            },
            ["platform_bits"] = $"{report.Platform.Bits:x16}",
            ["platform"] = new JsonObject
            {
                ["smt"] = report.Platform.Smt, ["tsme"] = report.Platform.Tsme, ["ecc"] = report.Platform.Ecc, ["rapl_disabled"] = report.Platform.RaplDisabled,
                ["ciphertext_hiding"] = report.Platform.CiphertextHiding, ["alias_check"] = report.Platform.AliasCheckComplete, ["iommu_write_safe"] = report.Platform.IommuWriteSafe,
                ["trusted_io"] = report.Platform.TrustedIo,
            },
            ["current_firmware"] = report.Current.ToString(),
            ["committed_firmware"] = report.Committed.ToString(),
        };
        if (report.Version >= 3) (claims["cpu_family"], claims["cpu_model"], claims["cpu_stepping"]) = ((int)report.Family, (int)report.Model, (int)report.Stepping);
        if (report.Version >= 5) (claims["launch_mitigations"], claims["current_mitigations"]) = ($"{report.LaunchMitigations:x16}", $"{report.CurrentMitigations:x16}");
        if (product is { } line)
        {
            (claims["reported_tcb"], claims["current_tcb"]) = (Tcb(report.ReportedTcb, line), Tcb(report.CurrentTcb, line));
            (claims["committed_tcb"], claims["launch_tcb"]) = (Tcb(report.CommittedTcb, line), Tcb(report.LaunchTcb, line));
        }
        return claims;
    }

    /// <summary>Where AMD gives out the certificate of a chip's key.</summary>
    public static string KeyAddress(SnpReport report, SnpProduct? product)
    {
        if (product is not { } line) return "https://kdsintf.amd.com/vcek/v1/{product line}/{chip id}?blSPL=..&teeSPL=..&snpSPL=..&ucodeSPL=..";
        var tcb = SnpTcb.Read(report.ReportedTcb, line);
        return $"{SnpChain.Service(line, false)}/{Hex(line == SnpProduct.Turin ? report.ChipId[..8] : report.ChipId)}?{(tcb.HasFmc ? $"fmcSPL={tcb.Fmc:00}&" : "")}"
            + $"blSPL={tcb.BootLoader:00}&teeSPL={tcb.Tee:00}&snpSPL={tcb.Snp:00}&ucodeSPL={tcb.Microcode:00}";
    }

    public static IReadOnlyList<EvidenceField> Show(SnpEvidence evidence)
    {
        var report = evidence.Report;
        var (policy, platform) = (report.Policy, report.Platform);
        var product = report.Version >= 3 ? SnpProducts.Of(report.Family, report.Model) : null;
        var looks = product ?? (report.ChipId[..8].ContainsAnyExcept((byte)0) && !report.ChipId[8..].ContainsAnyExcept((byte)0) ? SnpProduct.Turin : SnpProduct.Milan);
        List<EvidenceField> fields =
        [
            new("VERSION", $"{report.Version}", "Layout of the report; 2 to 5 are known. Before 3 it does not name the processor, before 5 no mitigations.", report.Version is < 2 or > 5),
            new("GUEST_SVN", $"{report.GuestSvn}", "Security version that the guest's owner gave the image in its ID block."),
            new("POLICY", $"0x{policy.Bits:x16}", $"What the guest lets its host do; it wants firmware ABI {policy.AbiMajor}.{policy.AbiMinor} or later.", !policy.AlwaysOne || policy.Reserved != 0),
            new("POLICY.DEBUG", YesNo(policy.Debug), "Set, the host can read and write the guest's memory: such a guest keeps no secret.", policy.Debug),
            new("POLICY.MIGRATE_MA", YesNo(policy.MigrationAgent), "Set, another guest (a migration agent) may move this one, with its secrets, to another machine.", policy.MigrationAgent),
            new("POLICY.SMT", YesNo(policy.Smt), "Set, the guest runs although somebody else may share its core's second thread."),
            new("POLICY.SINGLE_SOCKET", YesNo(policy.SingleSocket), "Set, the guest never runs on two sockets at once."),
            new("POLICY.CXL_ALLOW", YesNo(policy.Cxl), "Set, the guest's memory may lie in devices behind CXL.", policy.Cxl),
            new("POLICY.MEM_AES_256_XTS", YesNo(policy.Aes256Xts), "Set, the guest runs only where memory is encrypted with AES-256-XTS."),
            new("POLICY.RAPL_DIS", YesNo(policy.RaplDisabled), "Set, the guest runs only where nobody can read the processor's power, which gives away what it computes."),
            new("POLICY.CIPHERTEXT_HIDING", YesNo(policy.CiphertextHiding), "Set, the guest runs only where the host cannot read its encrypted memory either."),
            new("POLICY.PAGE_SWAP_DISABLE", YesNo(policy.PageSwapDisabled), "Set, the host may not swap the guest's pages."),
            new("FAMILY_ID", Hex(report.FamilyId), "The owner's name for a family of images, from the ID block."),
            new("IMAGE_ID", Hex(report.ImageId), "The owner's name for this image, from the ID block."),
            new("VMPL", $"{report.Vmpl}", "Privilege level that asked for the report; 0 is the highest in the guest. Anything else is a less trusted part of the guest, or its host.", report.Vmpl != 0),
            new("SIGNATURE_ALGO", $"{report.SignatureAlgorithm}", "1 is ECDSA on P-384 with SHA-384; there is no other.", report.SignatureAlgorithm != 1),
            new("PLATFORM_INFO", $"0x{platform.Bits:x16}", "How the machine is set up.", platform.Unknown != 0),
            new("PLATFORM_INFO.SMT_EN", YesNo(platform.Smt), "Cores run two threads; what one does can be seen from the other."),
            new("PLATFORM_INFO.TSME_EN", YesNo(platform.Tsme), "All memory of the machine is encrypted, not only that of guests."),
            new("PLATFORM_INFO.ECC_EN", YesNo(platform.Ecc), "Memory with error correction, which makes attacks by flipped bits harder."),
            new("PLATFORM_INFO.RAPL_DIS", YesNo(platform.RaplDisabled), "Power readings are off."),
            new("PLATFORM_INFO.CIPHERTEXT_HIDING_DRAM_EN", YesNo(platform.CiphertextHiding), "The host cannot read guests' encrypted memory."),
            new("PLATFORM_INFO.ALIAS_CHECK_COMPLETE", YesNo(platform.AliasCheckComplete), "The firmware made sure that no two addresses lead to the same memory. No: a changed memory module may let the host replay a guest's memory (AMD-SB-3015).", !platform.AliasCheckComplete),
            new("PLATFORM_INFO.IOMMU_WRITE_SAFE", YesNo(platform.IommuWriteSafe), "Writes of devices cannot reach guests' memory unchecked. No: a host that does not know of AMD-SB-3016 may let them, or old firmware does not say."),
            new("PLATFORM_INFO.TIO_EN", YesNo(platform.TrustedIo), "Devices can be attested and given access to guests' memory."),
            new("AUTHOR_KEY_EN", YesNo(report.AuthorKeyEnabled), "An author's key vouches for the key of the ID block."),
            new("MASK_CHIP_KEY", YesNo(report.ChipKeyMasked), "The chip's own key is not used on this machine."),
            new("SIGNING_KEY", report.SigningKey switch { 0 => "VCEK", 1 => "VLEK", 7 => "none", var other => $"{other}" }, "VCEK: this chip's own key. VLEK: a key that AMD lent to a provider, the same on all its machines. None: nothing is signed.", report.SigningKey > 1),
            new("REPORT_DATA", Hex(report.ReportData), "What the guest put in, freely: compare it with your challenge, or the report may be a copy."),
            new("MEASUREMENT", Hex(report.Measurement), "SHA-384 over the memory that the guest was launched with: compare it with the one of the image that you trust."),
            new("HOST_DATA", Hex(report.HostData), "What the host put in at launch, freely."),
            new("ID_KEY_DIGEST", Hex(report.IdKeyDigest), "SHA-384 of the key that signed the ID block; zero: the guest was launched without one."),
            new("AUTHOR_KEY_DIGEST", Hex(report.AuthorKeyDigest), "SHA-384 of the author's key."),
            new("REPORT_ID", Hex(report.ReportId), "This guest, as long as it runs."),
            new("REPORT_ID_MA", Hex(report.MigrationAgentReportId), "Its migration agent; all ones: it has none."),
            .. report.Version < 3 ? [] : (EvidenceField[])[new("CPUID", $"family 0x{report.Family:x2}, model 0x{report.Model:x2}, stepping {report.Stepping}",
                product is null ? "The processor, of a product line that this program does not know." : $"The processor: {product}.", product is null)],
            new("CHIP_ID", Hex(report.ChipId), "This chip, for ever; zero: hidden by the host, so that nobody can say which machine it is.", !report.ChipId.ContainsAnyExcept((byte)0)),
            new("REPORTED_TCB", $"{SnpTcb.Read(report.ReportedTcb, looks)}", $"Patch levels that the signing key stands for{(product is not null ? "" : report.Version < 3 ? $", read as {looks}'s because a report of version {report.Version} does not name the processor" : $", read as {looks}'s because nobody here knows that processor: it may count otherwise")}."),
            new("CURRENT_TCB", $"{SnpTcb.Read(report.CurrentTcb, looks)}", "Patch levels that run now."),
            new("COMMITTED_TCB", $"{SnpTcb.Read(report.CommittedTcb, looks)}", "Patch levels that the machine can no longer go back behind. Below current: the newer firmware is on trial and can be taken back.", !report.CommittedTcb.SequenceEqual(report.CurrentTcb)),
            new("LAUNCH_TCB", $"{SnpTcb.Read(report.LaunchTcb, looks)}", "Patch levels when the guest was launched or moved here."),
            new("CURRENT_VERSION", $"{report.Current}", "SNP firmware that runs now."),
            new("COMMITTED_VERSION", $"{report.Committed}", "SNP firmware that the machine can no longer go back behind.", report.Committed != report.Current),
        ];
        if (report.Version >= 5)
        {
            fields.Add(new("LAUNCH_MIT_VECTOR", $"0x{report.LaunchMitigations:x16}", "Mitigations in force at launch, one bit each."));
            fields.Add(new("CURRENT_MIT_VECTOR", $"0x{report.CurrentMitigations:x16}", "Mitigations in force now."));
        }
        if (report.FirstReservedInUse() is { } reserved) fields.Add(new("reserved", "in use", $"Something that this program cannot read: {reserved}.", true));
        fields.Add(new("SIGNATURE", Hex(report.Bytes[SnpReport.SignedSizeInBytes..SnpReport.SignatureEndsAt]), "R and S of the signing key, little-endian, 72 bytes each.", report.Signature is null));
        var said = fields.Select(field => field with { Policy = NoticedBy.GetValueOrDefault(field.Name) });
        return [.. said, .. evidence.Table.Select(InTable), .. evidence.Unread.Select(each => new EvidenceField("beside the report", each, "Nobody reads it, and only REPORT_DATA could bind it.", Covered: false))];
    }

    private static EvidenceField InTable(SnpTableEntry entry)
    {
        const string Meaning = "came along from the host, believed only as far as AMD's pinned root signed it.";
        var name = $"certificate table: {entry.Kind}";
        var noticedBy = entry.Kind switch { "VCEK" or "VLEK" => "snp.3, snp.4, snp.7", "ASK" or "ARK" => "snp.3", "CRL" => "snp.6", _ => null };
        // A list, or PEM as some hosts store certificates, is told by its digest.
        return entry.Kind is "CRL" || noticedBy is null || entry.Bytes.Span is not [0x30, ..] ? new(name, CertificateWords.Sized(entry.Bytes.Span), $"It {Meaning}", Policy: noticedBy, Covered: false)
            : CertificateWords.Of(name, entry.Bytes.Span, Meaning, noticedBy);
    }

    private static JsonObject Tcb(ReadOnlySpan<byte> bytes, SnpProduct product)
    {
        var tcb = SnpTcb.Read(bytes, product);
        var claims = new JsonObject { ["boot_loader"] = (int)tcb.BootLoader, ["tee"] = (int)tcb.Tee, ["snp"] = (int)tcb.Snp, ["microcode"] = (int)tcb.Microcode };
        if (tcb.HasFmc) claims.Insert(0, "fmc", (int)tcb.Fmc);
        return claims;
    }

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);

    private static string YesNo(bool value) => value ? "yes" : "no";
}
