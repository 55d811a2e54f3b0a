using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Tpm;

/// <summary>Appraises a TPM 2.0 quote that came in a file, from a machine that nobody enrolled. The numbers are those of spec/evidence.md, "Checks".</summary>
internal sealed class TpmAppraiser : Appraiser
{
    public override string Kind => TpmEvidence.KindName;

    public override JsonObject StrictPolicy() => JsonSerializer.SerializeToNode(TpmAppraisalPolicy.Strict, TpmAppraisalJson.Default.TpmAppraisalPolicy)!.AsObject();

    public override IReadOnlyList<EvidenceField> Show(ReadOnlyMemory<byte> evidence)
    {
        var said = TpmStatement.Parse(evidence);
        var quote = TpmQuote.Parse(said.Quote.Span);
        var key = said.Key is { } bytes ? TpmPublic.Parse(bytes.Span) : null;
        return
        [
            new("attestation key", key is null ? "none came along" : Convert.ToHexStringLower(key.Name()), "Name of the key that claims to have signed. Evidence cannot vouch for its own key.", false, "attestation_keys, root_keys"),
            new("qualifiedSigner", Convert.ToHexStringLower(quote.QualifiedSigner.Span), "The key and all above it in its hierarchy.", false, "tpm.13"),
            new("extraData", Convert.ToHexStringLower(quote.ExtraData.Span), "What the asker wanted quoted. Empty: the quote answers nobody and may be old.", quote.ExtraData.IsEmpty, "--nonce"),
            new("resetCount", quote.ResetCount.ToString(CultureInfo.InvariantCulture), "Resets since the TPM was last cleared."),
            new("clock", quote.Clock.ToString(CultureInfo.InvariantCulture), "Milliseconds for which the TPM has run."),
            new("restartCount", quote.RestartCount.ToString(CultureInfo.InvariantCulture), "Suspensions since the last reset; what was in memory meanwhile was not measured.", quote.RestartCount > 0, "allow_restarts"),
            new("safe", quote.Safe ? "yes" : "no", "No: the TPM's clock may have gone back.", !quote.Safe, "tpm.11"),
            new("firmwareVersion", $"{quote.FirmwareVersion:x16}", "The TPM's own firmware, as its maker counts."),
            .. said.Pcrs.OrderBy(pcr => pcr.Key).Select(pcr => new EvidenceField($"PCR {pcr.Key}", Convert.ToHexStringLower(pcr.Value.Span), Meaning(pcr.Key), false, $"tpm.8, tpm.10, reference_values[{pcr.Key}]")),
            new("pcrSelect", string.Join("; ", quote.Selections.Select(each => $"bank 0x{each.Bank:x4}: {string.Join(' ', each.Pcrs)}")), "Which PCRs are quoted; 0x000b is the bank of SHA-256.", false, "tpm.7, tpm.9"),
            new("pcrDigest", Convert.ToHexStringLower(quote.PcrDigest.Span), "Hash over the values of these PCRs.", false, "tpm.8"),
            new("signature", Convert.ToHexStringLower(said.Signature.Span), "With its scheme and hash: the attestation key's, over all of the quote.", false, "tpm.3, tpm.4"),
            .. said.Certificates.Select((der, i) => CertificateWords.Of($"certificate[{i}]", der.Span, "counts only as far as a CA that the policy names vouches for it.", "tpm.1")),
            .. said.EventLog.IsEmpty ? [] : (EvidenceField[])[new("event log", CertificateWords.Sized(said.EventLog.Span), "The firmware's story; believed only where replaying it leads to the PCRs.", false, "tpm.10", Covered: false)],
        ];
    }

    private protected override bool Recognises(ReadOnlySpan<byte> evidence) => TpmStatement.Recognises(evidence);

    private protected override void AppraiseCore(AppraisalRequest request, Findings findings)
    {
        var policy = TpmAppraisalPolicy.Parse(request.Policy.Span);
        var said = TpmStatement.Parse(request.Evidence);
        var quote = TpmQuote.Parse(said.Quote.Span);
        var signature = TpmSignature.Parse(said.Signature.Span);
        findings.Claims = Claims(quote, said);
        findings.Check("tpm.5", "a TPM made what was signed, and it is a quote", true); // anything else was malformed
        var key = Key(request, said, policy, findings);
        if (key is not null) CheckKey(key, said, quote, signature, findings);
        CheckPcrs(said, quote, signature, policy, findings);
        CheckBinding(request, quote, findings);
        CheckLog(said, policy, findings);
        findings.Check("tpm.11", "the machine was not suspended since it booted, and the TPM's clock did not go back", quote.Safe && (quote.RestartCount == 0 || policy.AllowRestarts), $"restartCount {quote.RestartCount}, safe {quote.Safe}");
        CheckReferenceValues(said, policy, findings);
        findings.NotChecked("which enclave or program runs there: a TPM speaks for a boot, not for a process");
        findings.NotChecked($"that resetCount {quote.ResetCount} is the one that you saw before: a smaller one is another TPM state");
    }

    /// <summary>The key, trusted because the policy names it or a CA that the policy names vouches for it; never because it came along.</summary>
    private static TpmPublic? Key(AppraisalRequest request, TpmStatement said, TpmAppraisalPolicy policy, Findings findings)
    {
        const string What = "the attestation key is one that the policy names, or a CA that it names vouches for it";
        if (said.Key is not { } bytes)
        {
            findings.Check("tpm.1", What, false, "no key came along, and a policy holds names of keys only: give evidence that has its key");
            return null;
        }
        var key = TpmPublic.Parse(bytes.Span);
        var name = Convert.ToHexStringLower(key.Name());
        if (policy.AttestationKeys!.Contains(name)) findings.Check("tpm.1", What, true, $"key {name}");
        else if (policy.RootKeys!.Count == 0) findings.Check("tpm.1", What, false, $"key {name} is not among attestation_keys, and root_keys names no CA");
        else CheckCertificate(request, said, key, policy, findings, What);
        return key;
    }

    private static void CheckCertificate(AppraisalRequest request, TpmStatement said, TpmPublic key, TpmAppraisalPolicy policy, Findings findings, string what)
    {
        var own = said.Certificates.Select(Load).ToList();
        if (own.Concat(request.Endorsements.Certificates).FirstOrDefault(each => Holds(each, key)) is not { } leaf)
        {
            findings.Missing("tpm.1", what, "a certificate of the attestation key, from the TPM's or the cloud's maker");
            return;
        }
        var reasons = new List<string>();
        foreach (var pin in policy.RootKeys!)
        {
            var path = new CertificatePaths(new VendorRoots(new Dictionary<string, Digest> { ["tpm"] = pin })).Find(leaf, own.Concat(request.Endorsements.Certificates).Where(each => each != leaf), "tpm", request.At, out var reason);
            if (path is null)
            {
                reasons.Add(reason);
                continue;
            }
            findings.Check("tpm.1", what, true, $"{leaf.Subject}, by {path.Root.Subject}");
            foreach (var certificate in path.Certificates) findings.Uses(new(certificate.Subject, certificate.NotBefore, certificate.NotAfter));
            CheckUsage(leaf, policy, findings);
            findings.Check("tpm.1.validity", "every certificate of the path is valid at the given time", path.NotValidAt(request.At) is null, path.NotValidAt(request.At)?.Subject);
            CheckRevocation(path, request, policy, findings);
            return;
        }
        findings.Check("tpm.1", what, false, string.Join("; ", reasons.Distinct()));
    }

    /// <summary>A CA certifies keys for many ends, and the public area beside the certificate is the evidence's own word: only the CA's word makes the key a TPM's.</summary>
    private static void CheckUsage(X509Certificate2 leaf, TpmAppraisalPolicy policy, Findings findings)
    {
        var usages = leaf.Extensions.OfType<X509EnhancedKeyUsageExtension>().SelectMany(extension => extension.EnhancedKeyUsages.Cast<Oid>()).Select(oid => oid.Value!).ToList();
        findings.Check("tpm.1.usage", "the CA certified the key for attestation, for signatures and for no certificates",
            usages.Any(policy.KeyUsages!.Contains)
            && leaf.Extensions.OfType<X509KeyUsageExtension>().All(usage => usage.KeyUsages.HasFlag(X509KeyUsageFlags.DigitalSignature))
            && !leaf.Extensions.OfType<X509BasicConstraintsExtension>().Any(constraints => constraints.CertificateAuthority),
            $"certified for {(usages.Count == 0 ? "nothing in particular" : string.Join(", ", usages))}; key_usages {string.Join(", ", policy.KeyUsages!)}");
        findings.NotChecked("that this CA certifies only keys that never leave their TPM: restricted and the other attributes are the evidence's own word");
    }

    private static void CheckRevocation(CertificatePath path, AppraisalRequest request, TpmAppraisalPolicy policy, Findings findings)
    {
        const string What = "no certificate of the path was taken back";
        List<string> revoked = [], wanting = [];
        for (var i = 0; i + 1 < path.Certificates.Count; i++)
        {
            var (subject, issuer) = (path.Certificates[i], path.Certificates[i + 1]);
            var lists = request.Endorsements.RevocationLists.Where(list => list.IsBy(issuer)).ToList();
            if (lists.Any(list => list.Lists(subject))) revoked.Add(subject.Subject); // a list that is too old still took it back
            else if (lists.Find(list => list.Covers(subject) && IsFresh(list)) is { } fresh) findings.Uses(new($"revocation list of {issuer.Subject}", fresh.ThisUpdate, fresh.NextUpdate!.Value));
            else if (lists.Count > 0 || policy.RequireRevocationLists) wanting.Add($"a list of {issuer.Subject}, at most {policy.MaxEndorsementAgeDays} days old");
            else findings.NotChecked($"whether {issuer.Subject} took {subject.Subject} back: no list was given, and the policy asks for none");
        }
        if (revoked.Count > 0) findings.Check("tpm.1.revocation", What, false, $"taken back: {string.Join("; ", revoked)}", CheckGroup.Revocation);
        else if (wanting.Count > 0) findings.Missing("tpm.1.revocation", What, string.Join("; ", wanting), CheckGroup.Revocation);
        else findings.Check("tpm.1.revocation", What, true, policy.RequireRevocationLists ? null : "as far as lists were given", CheckGroup.Revocation);

        bool IsFresh(RevocationList list) => list.ThisUpdate <= request.At && list.NextUpdate is { } next && request.At < next
            && request.Endorsements.AgeOf(list.ThisUpdate, request.At) <= TimeSpan.FromDays(policy.MaxEndorsementAgeDays);
    }

    private static void CheckKey(TpmPublic key, TpmStatement said, TpmQuote quote, TpmSignature signature, Findings findings)
    {
        var refusals = AttestationKey.Refusals(key).ToList();
        findings.Check("tpm.2", "the key signs only what its TPM made, and exists nowhere else", refusals.Count == 0, string.Join("; ", refusals));
        findings.Check("tpm.3", "the signature is of the key's own scheme and hash", signature.Scheme == key.Scheme && signature.Hash == key.SchemeHash, $"{signature.Scheme} with {signature.Hash}");
        findings.Check("tpm.4", "the key signed exactly these bytes", key.Verifies(said.Quote.Span, signature));
        findings.Check("tpm.13", "the key is a primary key of the endorsement hierarchy, so that the counters are true", quote.QualifiedSigner.Span.SequenceEqual(AttestationKey.QualifiedName(key)));
    }

    private static void CheckPcrs(TpmStatement said, TpmQuote quote, TpmSignature signature, TpmAppraisalPolicy policy, Findings findings)
    {
        var quoted = quote.Selections is [var only] ? only.Pcrs : [];
        findings.Check("tpm.9", "the quote is over the SHA-256 bank alone", quote.Selections is [{ Bank: (ushort)TpmAlgorithm.Sha256 }]);
        var complete = findings.Check("tpm.7", "the values are those of exactly the quoted PCRs, and the policy's are among them",
            said.Pcrs.Keys.Order().SequenceEqual(quoted) && policy.Pcrs!.All(quoted.Contains) && said.Pcrs.Values.All(value => value.Length == Digest.SizeInBytes),
            $"quoted {string.Join(' ', quoted)}, values of {string.Join(' ', said.Pcrs.Keys.Order())}, wanted {string.Join(' ', policy.Pcrs!)}");
        if (!complete) return; // without this the digest would be one over other values
        byte[] values = [.. quoted.SelectMany(pcr => said.Pcrs[pcr].ToArray())];
        findings.Check("tpm.8", "the values are the quoted ones", CryptographicOperations.FixedTimeEquals(quote.PcrDigest.Span, signature.Hash.Hash(values)));
    }

    private static void CheckBinding(AppraisalRequest request, TpmQuote quote, Findings findings)
    {
        const string What = "the quote answers the given challenge";
        if ((request.Nonce ?? request.ReportData) is { } wanted) findings.Same("tpm.6", What, wanted.Span, quote.ExtraData.Span, CheckGroup.Binding);
        else findings.Skip("tpm.6", What, "left out: binding");
        if (request is { Nonce: not null, ReportData: not null }) findings.Check("tpm.6.report-data", "one challenge is asked for: a quote has one field for it", false, null, CheckGroup.Binding);
    }

    private static void CheckLog(TpmStatement said, TpmAppraisalPolicy policy, Findings findings)
    {
        const string What = "the event log leads to the value of every PCR that the policy names";
        if (said.EventLog.IsEmpty)
        {
            findings.Check("tpm.10", What, false, "no event log came along");
            return;
        }
        IReadOnlyList<Digest> replayed;
        try
        {
            replayed = EventLog.Parse(said.EventLog).Replay();
        }
        catch (MalformedException e) // the rest can still be judged
        {
            findings.Check("tpm.10", What, false, e.Message);
            return;
        }
        var wrong = policy.Pcrs!.Where(pcr => !said.Pcrs.TryGetValue(pcr, out var value) || !value.Span.SequenceEqual(replayed[pcr].Span)).ToList();
        findings.Check("tpm.10", What, wrong.Count == 0, wrong.Count == 0 ? null : $"not to PCR {string.Join(' ', wrong)}");
    }

    private static void CheckReferenceValues(TpmStatement said, TpmAppraisalPolicy policy, Findings findings)
    {
        const string What = "every PCR has its reference value";
        if (policy.ReferenceValues!.Count == 0) findings.Skip("tpm.14", What, "the policy names none");
        else
        {
            var wrong = policy.ReferenceValues.Where(wanted => !said.Pcrs.Any(pcr => pcr.Key.ToString(CultureInfo.InvariantCulture) == wanted.Key && pcr.Value.Span.SequenceEqual(wanted.Value.Span))).Select(wanted => wanted.Key).ToList();
            findings.Check("tpm.14", What, wrong.Count == 0, wrong.Count == 0 ? null : $"another value in PCR {string.Join(' ', wrong)}");
        }
        foreach (var pcr in policy.Pcrs!.Where(pcr => !policy.ReferenceValues.ContainsKey(pcr.ToString(CultureInfo.InvariantCulture)))) findings.NotChecked($"whether the value of PCR {pcr} is a wanted one");
    }

    private static JsonObject Claims(TpmQuote quote, TpmStatement said) => new()
    {
        ["attestation_key"] = said.Key is { } key ? Convert.ToHexStringLower(TpmPublic.Parse(key.Span).Name()) : null,
        ["extra_data"] = Convert.ToHexStringLower(quote.ExtraData.Span),
        ["firmware_version"] = quote.FirmwareVersion.ToString("x16", CultureInfo.InvariantCulture),
        ["reset_count"] = quote.ResetCount,
        ["restart_count"] = quote.RestartCount,
        ["safe"] = quote.Safe,
        ["pcrs"] = new JsonObject(said.Pcrs.OrderBy(pcr => pcr.Key).Select(pcr => KeyValuePair.Create(pcr.Key.ToString(CultureInfo.InvariantCulture), (JsonNode?)Convert.ToHexStringLower(pcr.Value.Span)))),
    };

    private static bool Holds(X509Certificate2 certificate, TpmPublic key)
    {
        try
        {
            return HoldsCore(certificate, key);
        }
        catch (CryptographicException) // a key of no known form, among the endorsements
        {
            return false;
        }
    }

    private static bool HoldsCore(X509Certificate2 certificate, TpmPublic key)
    {
        using var rsa = certificate.GetRSAPublicKey();
        if (rsa is not null) return key.Type == TpmAlgorithm.Rsa && rsa.ExportParameters(false) is { Exponent: [1, 0, 1] } found && found.Modulus.AsSpan().SequenceEqual(key.X.Span);
        using var ecc = certificate.GetECDsaPublicKey();
        return ecc is not null && key.Type == TpmAlgorithm.Ecc && ecc.ExportParameters(false).Q is { X: { } x, Y: { } y } && x.AsSpan().SequenceEqual(key.X.Span) && y.AsSpan().SequenceEqual(key.Y.Span);
    }

    private static X509Certificate2 Load(ReadOnlyMemory<byte> der)
    {
        try
        {
            return X509CertificateLoader.LoadCertificate(der.Span);
        }
        catch (CryptographicException)
        {
            throw new MalformedException(-1, "a certificate that came along is none");
        }
    }

    /// <summary>TCG PC Client Platform Firmware Profile, section 3.3.4.</summary>
    private static string Meaning(int pcr) => pcr switch
    {
        0 => "Firmware code.",
        1 => "Firmware settings.",
        2 => "Code of add-in cards.",
        3 => "Settings of add-in cards.",
        4 => "Boot loader and what it starts.",
        5 => "Boot loader's settings, partition table.",
        6 => "The maker's own.",
        7 => "Secure Boot: whether it is on, its keys and lists.",
        16 or 23 => "Software can reset this one: it proves nothing.",
        >= 17 and <= 22 => "Belongs to a dynamic launch.",
        _ => "Belongs to the operating system.",
    };
}
