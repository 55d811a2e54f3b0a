using Strongroom.Attestation.Appraisal;

namespace Strongroom.Attestation.Snp;

/// <summary>The rest of check 9 and checks 10 to 15 of spec/evidence-sev-snp.md: what the report says, against what the policy and the caller want.</summary>
internal sealed class SnpWishChecks(SnpReport report, SnpProduct? product, SnpPolicy policy, AppraisalRequest request, Findings findings)
{
    private const CheckGroup Tcb = CheckGroup.Tcb;

    public void Run(SnpKey? key)
    {
        if (product is { } line) CheckLevels(line);
        CheckFirmware();
        findings.Check("snp.11", "the report was asked for from the privilege level that the policy names", report.Vmpl == policy.Vmpl, $"expected {policy.Vmpl}, found {report.Vmpl}");
        CheckGuestPolicy();
        CheckPlatform();
        CheckMitigations();
        CheckBinding();
        CheckIdentity(key);
        findings.NotChecked("whether this report was shown before: REPORT_ID is the same for every report of one guest, so a session must remember it");
    }

    private void CheckLevels(SnpProduct line)
    {
        (string Name, SnpTcb Level)[] levels =
        [
            ("reported", SnpTcb.Read(report.ReportedTcb, line)), ("current", SnpTcb.Read(report.CurrentTcb, line)),
            ("committed", SnpTcb.Read(report.CommittedTcb, line)), ("launch", SnpTcb.Read(report.LaunchTcb, line)),
        ];
        var odd = levels.FirstOrDefault(each => !each.Level.ReservedIsZero).Name;
        findings.Check("snp.9.reserved", "no TCB version has a reserved byte in use", odd is null, odd);
        var (current, committed) = (levels[1].Level, levels[2].Level);
        findings.Check("snp.9.committed", policy.AllowProvisionalFirmware ? "the committed TCB version is not above the current one" : "the current TCB version is committed, so that nobody can go back behind it",
            policy.AllowProvisionalFirmware ? current.IsAtLeast(committed) : current.Matches(committed), $"committed {committed}; current {current}", Tcb);
        const string what = "no TCB version is below the policy's minimum";
        if (policy.MinimumOf(line)?.In(line) is { } minimum)
        {
            // Committed and launch too: current firmware that is not committed can be taken back, and a guest launched under old firmware carries what that did.
            var low = levels.Where(each => !each.Level.IsAtLeast(minimum)).ToList();
            findings.Check("snp.9.minimum", what, low.Count == 0, $"at least {minimum}; {string.Join("; ", (low.Count == 0 ? levels : [.. low]).Select(each => $"{each.Name} {each.Level}"))}", Tcb);
            return;
        }
        findings.Skip("snp.9.minimum", what, $"the policy names no minimum for {line}");
        findings.NotChecked($"whether the firmware is recent enough: the policy has no minimum_tcb for {line}");
    }

    /// <summary>10: the version of the SNP firmware itself.</summary>
    private void CheckFirmware()
    {
        var (current, committed) = (report.Current, report.Committed);
        findings.Check("snp.10", policy.AllowProvisionalFirmware ? "the committed firmware is not above the current one" : "the current firmware is committed",
            policy.AllowProvisionalFirmware ? committed.CompareTo(current) <= 0 : committed == current, $"committed {committed}, current {current}", Tcb);
        const string what = "the committed firmware is not below the policy's minimum";
        if (policy.Firmware is { } minimum) findings.Check("snp.10.minimum", what, committed.CompareTo(minimum) >= 0 && current.CompareTo(minimum) >= 0, $"at least {minimum}; committed {committed}, current {current}", Tcb);
        else findings.Skip("snp.10.minimum", what, "the policy names none");
    }

    /// <summary>12: what the guest lets its host do.</summary>
    private void CheckGuestPolicy()
    {
        var (guest, wishes) = (report.Policy, policy.GuestWishes);
        findings.Check("snp.12.debug", "the host cannot debug the guest", !guest.Debug, guest.Debug ? "DEBUG is set: the host can read and write the guest's memory" : null);
        const string agent = "no migration agent can take the guest elsewhere";
        var associated = report.MigrationAgentReportId.ContainsAnyExcept((byte)0xFF) && report.MigrationAgentReportId.ContainsAnyExcept((byte)0);
        if (policy.AllowMigrationAgent) findings.Skip("snp.12.migration", agent, "the policy allows one");
        else findings.Check("snp.12.migration", agent, !guest.MigrationAgent && !associated, guest.MigrationAgent ? "MIGRATE_MA is set" : associated ? "REPORT_ID_MA names one" : null);
        Wish("snp.12.smt", "whether two threads of a core may run the guest and somebody else, as the policy wants it", wishes.Smt, guest.Smt);
        Wish("snp.12.single-socket", "whether the guest stays on one socket, as the policy wants it", wishes.SingleSocket, guest.SingleSocket);
        Wish("snp.12.cxl", "whether the guest accepts memory behind CXL, as the policy wants it", wishes.Cxl, guest.Cxl);
        Wish("snp.12.aes-256-xts", "whether the guest demands AES-256-XTS, as the policy wants it", wishes.Aes256Xts, guest.Aes256Xts);
        Wish("snp.12.rapl", "whether the guest demands that power readings are off, as the policy wants it", wishes.RaplDisabled, guest.RaplDisabled);
        Wish("snp.12.ciphertext-hiding", "whether the guest demands that ciphertext is hidden from the host, as the policy wants it", wishes.CiphertextHiding, guest.CiphertextHiding);
        Wish("snp.12.page-swap", "whether the guest forbids that its pages are swapped, as the policy wants it", wishes.PageSwapDisabled, guest.PageSwapDisabled);
        const string abi = "the guest demands at least the firmware ABI that the policy names";
        if (policy.Abi is { } minimum) findings.Check("snp.12.abi", abi, (guest.AbiMajor, guest.AbiMinor).CompareTo(minimum) >= 0, $"at least {minimum.Major}.{minimum.Minor}, found {guest.AbiMajor}.{guest.AbiMinor}");
        else findings.Skip("snp.12.abi", abi, "the policy names none");
    }

    /// <summary>13: how the machine is set up.</summary>
    private void CheckPlatform()
    {
        var (platform, wishes) = (report.Platform, policy.PlatformWishes);
        findings.Check("snp.13", "the platform's flags are all known", platform.Unknown == 0, $"found 0x{platform.Bits:x16}");
        Wish("snp.13.alias-check", "the firmware found no two addresses for the same memory (AMD-SB-3015)", wishes.AliasCheck, platform.AliasCheckComplete, Tcb);
        Wish("snp.13.smt", "whether simultaneous multithreading is on, as the policy wants it", wishes.Smt, platform.Smt);
        Wish("snp.13.tsme", "whether all memory is encrypted besides, as the policy wants it", wishes.Tsme, platform.Tsme);
        Wish("snp.13.ecc", "whether memory has error correction, as the policy wants it", wishes.Ecc, platform.Ecc);
        Wish("snp.13.rapl", "whether power readings are off, as the policy wants it", wishes.RaplDisabled, platform.RaplDisabled);
        Wish("snp.13.ciphertext-hiding", "whether ciphertext is hidden from the host, as the policy wants it", wishes.CiphertextHiding, platform.CiphertextHiding);
        Wish("snp.13.iommu-write", "whether devices' writes cannot reach guests' memory unchecked (AMD-SB-3016), as the policy wants it", wishes.IommuWriteSafe, platform.IommuWriteSafe);
        Wish("snp.13.trusted-io", "whether devices can be trusted with the guest's memory, as the policy wants it", wishes.TrustedIo, platform.TrustedIo);
    }

    /// <summary>14: mitigations, one bit each; a report before version 5 says nothing and so has none.</summary>
    private void CheckMitigations()
    {
        Superset("snp.14.launch", "the platform had the policy's mitigations when the guest was launched", policy.LaunchMitigationBits, report.LaunchMitigations);
        Superset("snp.14.current", "the platform has the policy's mitigations", policy.CurrentMitigationBits, report.CurrentMitigations);
    }

    private void Superset(string id, string what, ulong? wanted, ulong found)
    {
        if (wanted is not { } bits) findings.Skip(id, what, "the policy names none");
        else findings.Check(id, what, report.Version >= 5 && (found & bits) == bits, report.Version >= 5 ? $"expected 0x{bits:x16}, found 0x{found:x16}" : $"expected 0x{bits:x16}; a report of version {report.Version} has no such field", Tcb);
    }

    /// <summary>15: the caller's own challenge, in the 64 bytes of REPORT_DATA and nowhere else.</summary>
    private void CheckBinding()
    {
        const string what = "REPORT_DATA is the expected value";
        if (request.ReportData is { } expected) findings.Same("snp.15", what, expected.Span, report.ReportData, CheckGroup.Binding);
        else if (!findings.LeavesOut(CheckGroup.Binding)) findings.Check("snp.15", what, false, "SEV-SNP has no nonce of its own: give what REPORT_DATA must be", CheckGroup.Binding);
        else findings.Check("snp.15", what, false, group: CheckGroup.Binding); // recorded as left out
        if (request is { ReportData: not null, Nonce: not null }) findings.Check("snp.15.nonce", "no nonce is asked for: SEV-SNP has none of its own", false, null, CheckGroup.Binding);
    }

    private void CheckIdentity(SnpKey? key)
    {
        Listed("snp.15.measurement", "the launch measurement is one that the policy lists", policy.Measurements, report.Measurement, "which measurement is the wanted one");
        Expected("snp.15.host-data", "HOST_DATA is what the policy names", policy.HostData, report.HostData, "what the host gave the guest at launch (HOST_DATA)");
        const string block = "the guest was launched with an ID block";
        if (policy.RequireIdBlock) findings.Check("snp.15.id-block", block, report.IdKeyDigest.ContainsAnyExcept((byte)0));
        else findings.Skip("snp.15.id-block", block, "the policy does not ask for one");
        Listed("snp.15.id-key", "the key that signed the ID block is one that the policy lists", policy.IdKeys, report.IdKeyDigest, null);
        const string author = "the key that vouches for the ID key is in use and one that the policy lists";
        if (policy.AuthorKeys is { } authors) findings.Check("snp.15.author-key", author, report.AuthorKeyEnabled && SnpPolicy.Lists(authors, report.AuthorKeyDigest), report.AuthorKeyEnabled ? $"found {Convert.ToHexStringLower(report.AuthorKeyDigest)}" : "AUTHOR_KEY_EN is not set");
        else findings.Skip("snp.15.author-key", author, "the policy lists none");
        Expected("snp.15.family-id", "FAMILY_ID is what the policy names", policy.FamilyId, report.FamilyId, null);
        Expected("snp.15.image-id", "IMAGE_ID is what the policy names", policy.ImageId, report.ImageId, null);
        Expected("snp.15.report-id", "REPORT_ID is the guest that the policy names", policy.ReportId, report.ReportId, null);
        const string svn = "the guest's security version is not below the policy's minimum";
        if (policy.MinimumGuestSvn == 0) findings.Skip("snp.15.guest-svn", svn, "the policy's minimum is 0");
        else findings.Check("snp.15.guest-svn", svn, report.GuestSvn >= policy.MinimumGuestSvn, $"at least {policy.MinimumGuestSvn}, found {report.GuestSvn}");
        Listed("snp.15.chip", "the chip is one that the policy lists", policy.ChipIds, report.ChipId, "whether the chip is in known custody: a genuine chip in a stranger's hands can be attacked with tools on its memory bus or its power");
        const string provider = "the provider that AMD lent the key to is one that the policy lists";
        if (key is not { IsOfProvider: true }) return;
        if (policy.ProviderIds is { } providers) findings.Check("snp.15.provider", provider, providers.Contains(key.ProviderId ?? ""), $"found {key.ProviderId}");
        else
        {
            findings.Skip("snp.15.provider", provider, "the policy lists none");
            findings.NotChecked($"whether the provider is the wanted one: {key.ProviderId}");
        }
    }

    private void Listed(string id, string what, IReadOnlyList<string>? allowed, ReadOnlySpan<byte> found, string? open)
    {
        if (allowed is not null)
        {
            findings.Check(id, what, SnpPolicy.Lists(allowed, found), $"found {Convert.ToHexStringLower(found)}");
            return;
        }
        findings.Skip(id, what, "the policy lists none");
        if (open is not null) findings.NotChecked(open);
    }

    private void Expected(string id, string what, string? wanted, ReadOnlySpan<byte> found, string? open)
    {
        if (wanted is not null)
        {
            findings.Same(id, what, Convert.FromHexString(wanted), found);
            return;
        }
        findings.Skip(id, what, "the policy names none");
        if (open is not null && found.ContainsAnyExcept((byte)0)) findings.NotChecked($"{open}: {Convert.ToHexStringLower(found)}");
    }

    private void Wish(string id, string what, bool? wanted, bool found, CheckGroup group = CheckGroup.Always)
    {
        if (wanted is { } value) findings.Check(id, what, found == value, $"expected {(value ? "yes" : "no")}, found {(found ? "yes" : "no")}", group);
        else findings.Skip(id, what, $"the policy takes both; found {(found ? "yes" : "no")}");
    }
}
