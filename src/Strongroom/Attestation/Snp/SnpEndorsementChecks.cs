using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;

namespace Strongroom.Attestation.Snp;

/// <summary>Checks 3 to 9 of spec/evidence-sev-snp.md: AMD made this key, for this chip or provider, at this TCB version, has not taken it back, and it signed the report.</summary>
internal sealed class SnpEndorsementChecks(
    SnpReport report, SnpKey key, SnpProduct? product, SnpEndorsements endorsements, SnpPolicy policy, DateTimeOffset at, Findings findings)
{
    public void Run(CertificatePaths paths)
    {
        var chain = product is { } line ? CheckRoot(paths, line) : null;
        CheckKindOfKey(chain);
        CheckLeaf(chain);
        if (chain is not null) CheckRevocation(chain);
        if (report.Signature is { } signature) findings.Check("snp.7", "the key signed the report", key.Verifies(report.SignedBytes, signature));
        CheckChip();
        if (product is { } levels) CheckTcb(levels);
    }

    /// <summary>3: from the key's certificate to the pinned ARK of exactly this product line.</summary>
    private SnpChain? CheckRoot(CertificatePaths paths, SnpProduct line)
    {
        string[] names = [SnpChain.RootName(line), SnpChain.IntermediateName(line, false), SnpChain.IntermediateName(line, true)];
        var authorities = endorsements.Certificates.Where(each => names.Contains(CertificateName.CommonOf(each))).ToList();
        const string what = "the key's certificate leads to the pinned root of the product line";
        if (paths.Find(key.Certificate, authorities, line.Root(), at, out var reason) is not { } path)
        {
            if (!Has(names[0]) || !Has(names[1]) && !Has(names[2]))
                findings.Missing("snp.3", what, $"AMD's signing key and root for {line}: {SnpChain.Service(line, key.IsOfProvider)}/cert_chain");
            else findings.Check("snp.3", what, false, reason);
            return null;
        }
        if (!findings.Check("snp.3", what, path.Certificates.Count == 3, path.Certificates.Count == 3 ? $"{key.CommonName}, {CertificateName.CommonOf(path.Certificates[1])}, {CertificateName.CommonOf(path.Root)}" : $"{path.Certificates.Count} certificates instead of 3")) return null;
        var chain = SnpChain.Of(line, path);
        foreach (var each in chain.Endorsements) findings.Uses(each);
        findings.Check("snp.3.names", "every certificate has the names that AMD gives it", chain.WrongName is null, chain.WrongName);
        findings.Check("snp.3.crl", "the authorities' certificates name the lists of this product line", chain.WrongDistributionPoint is null, chain.WrongDistributionPoint);
        return chain;

        bool Has(string name) => authorities.Any(each => CertificateName.CommonOf(each) == name);
    }

    /// <summary>4: the report says which kind of key signed it; certificate, signer and contents are of that kind.</summary>
    private void CheckKindOfKey(SnpChain? chain)
    {
        var wanted = report.SigningKey switch { 0 => SnpKey.Chips, 1 => SnpKey.Providers, _ => "none" };
        findings.Check("snp.4", "the key is of the kind that the report names", key.CommonName == wanted, $"expected {wanted}, found {key.CommonName}");
        if (chain is not null)
        {
            var signer = SnpChain.IntermediateName(chain.Product, key.IsOfProvider);
            findings.Check("snp.4.intermediate", "AMD's signing key for that kind signed its certificate", CertificateName.CommonOf(chain.Intermediate) == signer, $"expected {signer}, found {CertificateName.CommonOf(chain.Intermediate)}");
        }
        findings.Check("snp.4.identity", "a chip's certificate names a chip and no provider, a provider's the other way round",
            key.IsOfProvider ? key is { HardwareId: null, ProviderId.Length: > 0 } : key is { HardwareId: not null, ProviderId: null },
            $"hardware id {(key.HardwareId is null ? "none" : $"of {key.HardwareId.Length} bytes")}, provider {key.ProviderId ?? "none"}");
    }

    /// <summary>5: the key's certificate by itself.</summary>
    private void CheckLeaf(SnpChain? chain)
    {
        findings.Check("snp.5", "the key's certificate has the form of one: X.509 version 3, P-384, RSASSA-PSS with SHA-384, AMD's extensions once each and no other", key.FormProblem is null, key.FormProblem);
        const string valid = "every certificate is valid at the time of the appraisal";
        if (chain is null) findings.Check("snp.5.validity", valid, key.From <= at && at <= key.To, $"{key.CommonName} is valid from {key.From:u} to {key.To:u}");
        else if (chain.Path.NotValidAt(at) is { } late) findings.Check("snp.5.validity", valid, false, $"{CertificateName.CommonOf(late)} is valid from {late.NotBefore.ToUniversalTime():u} to {late.NotAfter.ToUniversalTime():u}");
        else findings.Check("snp.5.validity", valid, true);
    }

    /// <summary>6: a list that the root of this very line signed, in force, for keys of this kind, and none of the root's lists the signing key or the key.</summary>
    private void CheckRevocation(SnpChain chain)
    {
        const string what = "AMD has not taken back a certificate of the chain";
        const CheckGroup group = CheckGroup.Revocation;
        var source = $"{SnpChain.Service(chain.Product, key.IsOfProvider)}/crl";
        if (findings.LeavesOut(group))
        {
            findings.Missing("snp.6", what, source, group); // recorded as left out
            return;
        }
        var claimed = endorsements.Lists.Where(list => list.Issuer.RawData.AsSpan().SequenceEqual(chain.Root.SubjectName.RawData)).ToList();
        var signed = claimed.Where(list => list.IsBy(chain.Root)).ToList();
        if (claimed.Count > 0 && !findings.Check("snp.6.signature", "the root signed the list of revoked certificates", signed.Count > 0, group: group)) return;
        if (signed.Count > 0 && !findings.Check("snp.6.time", "the list says from when and until when it is in force, and begins in the past",
            signed.Any(list => list.NextUpdate is not null && list.ThisUpdate <= at), string.Join(", ", signed.Select(Times)), group)) return;
        // Chips' certificates all have the serial number 0, which says nothing about one of them. What a list took back stays so, however old the list is.
        var revoked = chain.Path.Certificates.Take(2).FirstOrDefault(each => each.SerialNumberBytes.Span.ContainsAnyExcept((byte)0) && signed.Any(list => list.Lists(each)));
        if (revoked is not null)
        {
            findings.Check("snp.6", what, false, $"{CertificateName.CommonOf(revoked)} is revoked", group);
            return;
        }
        // AMD keeps one list for chips' keys and one for providers', both by the root: the silence of the one says nothing about the other's.
        var covering = signed.Where(list => list.Covers(chain.Intermediate)).ToList();
        var inForce = covering.Where(list => list.ThisUpdate <= at && at < list.NextUpdate).OrderBy(Age).ToList();
        if (inForce.Count == 0)
        {
            var there = covering.Count > 0 ? $", newer than the one in force {Times(covering[0])}" : signed.Count > 0 ? $" (the one that is there is {signed[0].DistributionPoint})" : "";
            findings.Missing("snp.6", what, $"the list of revoked certificates of {chain.Product}{there}: {source}", group);
            return;
        }
        var newest = inForce.Find(list => list.DistributionPoint is not null) ?? inForce[0];
        if (newest.DistributionPoint is null) findings.NotChecked($"whether the list of revoked certificates is the one for {(key.IsOfProvider ? "providers'" : "chips'")} keys, {source}: AMD's root signs one for each, and this one does not say");
        findings.Uses(new($"revoked certificates of {CertificateName.CommonOf(chain.Root)}", newest.ThisUpdate, newest.NextUpdate!.Value));
        findings.Check("snp.6", what, true, $"{newest.Count} revoked", group);
        var age = Age(newest);
        const string recent = "the list is recent enough for the policy";
        if (age <= TimeSpan.FromDays(policy.MaxEndorsementAgeDays)) findings.Check("snp.6.age", recent, true, $"{age.TotalDays:0.0} days old, at most {policy.MaxEndorsementAgeDays}", CheckGroup.Freshness);
        else findings.Missing("snp.6.age", recent, $"a list of revoked certificates not older than {policy.MaxEndorsementAgeDays} days (this one counts from {(at - age).ToUniversalTime():u}): {source}", CheckGroup.Freshness);
    }

    private TimeSpan Age(RevocationList list) => endorsements.AgeOf(list, at);

    private static string Times(RevocationList list) => $"from {list.ThisUpdate:u} to {(list.NextUpdate is { } next ? $"{next:u}" : "for ever")}";

    /// <summary>8: the chip that has the key is the chip that the report names.</summary>
    private void CheckChip()
    {
        const string what = "the key belongs to the chip that the report names";
        const string open = "the report names its chip, and the chip's own key is in use";
        var hidden = !report.ChipId.ContainsAnyExcept((byte)0);
        if (key.IsOfProvider)
        {
            findings.Skip("snp.8.masked", open, $"a VLEK belongs to a provider, which may hide its chips; {(hidden ? "CHIP_ID is zero" : "CHIP_ID is there")}, MASK_CHIP_KEY is {(report.ChipKeyMasked ? "set" : "clear")}");
            findings.Skip("snp.8", what, "a VLEK belongs to a provider, not to a chip");
            return;
        }
        if (policy.AllowMaskedChip && (hidden || report.ChipKeyMasked)) findings.Skip("snp.8.masked", open, "the policy allows masked chips");
        else findings.Check("snp.8.masked", open, !hidden && !report.ChipKeyMasked, hidden ? "CHIP_ID is zero" : report.ChipKeyMasked ? "MASK_CHIP_KEY is set" : null);
        if (hidden) return;
        // Turin's chips are named by 8 bytes; CHIP_ID is a field of 64 on every line.
        var expected = key.HardwareId ?? [];
        var length = product == SnpProduct.Turin && expected.Length == 8 ? 8 : 64;
        findings.Same("snp.8", what, expected, report.ChipId[..length]);
    }

    /// <summary>9: a key stands for one TCB version, which must be the reported one.</summary>
    private void CheckTcb(SnpProduct line)
    {
        var reported = SnpTcb.Read(report.ReportedTcb, line);
        var current = SnpTcb.Read(report.CurrentTcb, line);
        var ofKey = key.Tcb(line);
        findings.Check("snp.9", "the key's certificate is for the reported TCB version, component by component", ofKey is { ReservedIsZero: true } && ofKey.Matches(reported), $"expected {ofKey?.ToString() ?? "what the certificate does not say"}; found {reported}");
        findings.Check("snp.9.current", "the reported TCB version is not above the current one", current.IsAtLeast(reported), $"reported {reported}; current {current}");
    }
}
