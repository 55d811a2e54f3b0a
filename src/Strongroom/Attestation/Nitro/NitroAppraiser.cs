using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nitro;

/// <summary>Appraises attestation documents of AWS Nitro enclaves and of EC2 instances with a NitroTPM (spec/evidence-nitro.md, Checks).</summary>
internal sealed class NitroAppraiser(VendorRoots roots) : Appraiser
{
    private const int MaxRemembered = 1000;
    private const int CodePcrs = 3;

    private readonly Remembered<Digest, NitroChain> chains = new(MaxRemembered);

    public override string Kind => "nitro";

    public override IReadOnlyList<EvidenceField> Show(ReadOnlyMemory<byte> evidence) => NitroFields.Of(NitroDocument.Parse(evidence));

    public override JsonObject StrictPolicy() => new NitroPolicy().ToJson();

    private protected override bool Recognises(ReadOnlySpan<byte> evidence) => NitroEnvelope.Recognises(evidence);

    private protected override void AppraiseCore(AppraisalRequest request, Findings findings)
    {
        var policy = NitroPolicy.Parse(request.Policy.Span);
        var document = NitroDocument.Parse(request.Evidence);
        var chain = ChainOf(document);
        findings.Claims = NitroFields.Claims(document);
        Form(document, findings);
        Path(chain, document, policy, request.At, findings);
        NitroRevocation.Check(chain.Path, request.Endorsements, policy, request.At, findings);
        findings.Check("nitro.8", "the key of the document's certificate signed the document", chain.Signed(document.Message));
        Freshness(document, policy, request, findings);
        NoDebugging(document, findings);
        Registers(document, policy, findings);
        Binding(document, policy, request, findings);
    }

    /// <summary>Steps 1 to 4. What is not CBOR and COSE at all, or has members of other types, did not come this far: it is malformed.</summary>
    private static void Form(NitroDocument document, Findings findings)
    {
        var message = document.Message;
        findings.Check("nitro.1", "the document has no member that its specification does not have", document.Unknown.Count == 0, Listed(document.Unknown));
        findings.Check("nitro.2", "the headers name an algorithm and nothing else", message.ProtectedHeader.Entries.Count == 1 && message.UnprotectedHeader.Entries.Count == 0,
            $"{message.ProtectedHeader.Entries.Count} entries under the signature, {message.UnprotectedHeader.Entries.Count} outside");
        findings.Check("nitro.3", "the algorithm is ECDSA with SHA-384", message.Algorithm == CoseSign1.Es384, $"expected {CoseSign1.Es384}, found {message.Algorithm?.ToString(CultureInfo.InvariantCulture) ?? "none"}");
        NitroLimits.Check(document, findings);
    }

    /// <summary>Steps 5 and 6.</summary>
    private static void Path(NitroChain chain, NitroDocument document, NitroPolicy policy, DateTimeOffset at, Findings findings)
    {
        // A leaf begins 3 seconds before the document that it is first for. Where a clock behind the hypervisor's may judge that document, it may judge its leaf.
        var time = document.Made is { } ahead && ahead > at && ahead - at <= TimeSpan.FromSeconds(policy.MaxClockSkewSeconds) ? ahead : at;
        findings.Check("nitro.5", "the bundle begins with the pinned root, which signed itself", chain.Root is null, chain.Root);
        findings.Check("nitro.6.links", "each certificate is signed by the next one of the bundle, up to its first", chain.Links is null, chain.Links);
        findings.Check("nitro.6.extensions", "no certificate has a critical extension that is not understood, or one twice", chain.Extensions is null, chain.Extensions);
        findings.Check("nitro.6.constraints", "every issuer is an authority, no path is longer than it allows, and the leaf is none", chain.Constraints is null, chain.Constraints);
        findings.Check("nitro.6.usage", "issuers' keys are for certificates, the leaf's is for signatures", chain.Usage is null, chain.Usage);
        var outside = chain.Path.NotValidAt(time);
        findings.Check("nitro.6.validity", "every certificate is valid at the time of the appraisal", outside is null,
            outside is null ? null : $"{outside.Subject} is valid from {Timestamp.Format(outside.NotBefore)} to {Timestamp.Format(outside.NotAfter)}, the time is {Timestamp.Format(time)}");
        if (document.Made is { } made) // beyond any date: step 4 has said so
            findings.Check("nitro.6.made", "the document was made while its certificates were valid", chain.Path.NotValidAt(made) is null, $"made {Timestamp.Format(made)}");
        foreach (var each in chain.Path.Certificates) findings.Uses(new($"certificate {each.Subject}", each.NotBefore.ToUniversalTime(), each.NotAfter.ToUniversalTime()));
    }

    /// <summary>Step 9.</summary>
    private static void Freshness(NitroDocument document, NitroPolicy policy, AppraisalRequest request, Findings findings)
    {
        Bound("nitro.9.nonce", "nonce", request.Nonce, document.Nonce, findings);
        if (document.Made is not { } made) return;
        var age = request.At - made;
        findings.Check("nitro.9.age", "the document is neither too old nor of the future", age <= TimeSpan.FromSeconds(policy.MaxAgeSeconds) && age >= -TimeSpan.FromSeconds(policy.MaxClockSkewSeconds),
            $"expected an age of {-policy.MaxClockSkewSeconds} to {policy.MaxAgeSeconds} seconds, found {age.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture)}", CheckGroup.Freshness);
    }

    /// <summary>Step 10: the memory and console of a debug enclave are open to its instance; its code registers are zero.</summary>
    private static void NoDebugging(NitroDocument document, Findings findings)
    {
        var zero = Enumerable.Range(0, CodePcrs).Where(index => document.Pcr(index) is not { } value || value.Span.IndexOfAnyExcept((byte)0) < 0).ToList();
        findings.Check("nitro.10", "PCR0, PCR1 and PCR2 are there and not zero: the enclave is not debugged", zero.Count == 0, Listed(zero.Select(index => $"PCR{index} is zero or missing")));
    }

    /// <summary>Step 11.</summary>
    private static void Registers(NitroDocument document, NitroPolicy policy, Findings findings)
    {
        var wanted = policy.Wanted(document.Platform);
        findings.Check("nitro.11.platform", "the policy's registers are of this kind of document", policy.Accepts(document.Platform), document.Platform == NitroPlatform.Tpm ? "found nitrotpm_pcrs" : "found pcrs");
        foreach (var (index, values) in wanted.OrderBy(each => int.Parse(each.Key, CultureInfo.InvariantCulture)))
        {
            var found = document.Pcr(int.Parse(index, CultureInfo.InvariantCulture)) is { } value ? Convert.ToHexStringLower(value.Span) : "nothing";
            findings.Check($"nitro.11.pcr{index}", $"PCR{index} has a wanted value", values.Contains(found), $"expected {string.Join(" or ", values)}, found {found}");
        }
        if (wanted.Count > 0) return;
        findings.Skip("nitro.11", "the registers have the wanted values", "the policy names none");
        findings.NotChecked(document.Platform == NitroPlatform.Tpm
            ? "whether this instance is a wanted one: nitrotpm_pcrs of the policy names no PCR (4 measures the boot image, 7 Secure Boot)"
            : "whether this enclave is a wanted one: pcrs of the policy names no PCR (0 measures the image, 3 its role, 4 its instance, 8 its signer)");
    }

    /// <summary>Step 12.</summary>
    private static void Binding(NitroDocument document, NitroPolicy policy, AppraisalRequest request, Findings findings)
    {
        Bound("nitro.12.user_data", "user_data", request.ReportData, document.UserData, findings);
        if (policy.PublicKey is { } key) Bound("nitro.12.public_key", "public_key", key, document.PublicKey, findings);
        else findings.Skip("nitro.12.public_key", "public_key is the expected one", "the policy names none");
        if (request.ReportData is null && document.UserData is { IsEmpty: false }) findings.NotChecked("user_data: what it means was agreed between the enclave and the caller");
        if (policy.PublicKey is null && document.PublicKey is not null) findings.NotChecked("public_key: whose it is; only this enclave's word binds it");
    }

    /// <summary>Exact in length; what the document does not have is not equal to anything, not even to nothing.</summary>
    private static void Bound(string id, string member, ReadOnlyMemory<byte>? expected, ReadOnlyMemory<byte>? found, Findings findings)
    {
        var what = $"{member} is the expected one";
        if (expected is null && !findings.LeavesOut(CheckGroup.Binding)) findings.Skip(id, what, "the caller expects none");
        else if (expected is { } value && found is { } carried) findings.Same(id, what, value.Span, carried.Span, CheckGroup.Binding);
        else findings.Check(id, what, false, $"expected {Convert.ToHexStringLower(expected.GetValueOrDefault().Span)}, found none", CheckGroup.Binding);
    }

    /// <summary>Certificates that were found right are remembered by their bytes: an enclave's stay the same for hours.</summary>
    private NitroChain ChainOf(NitroDocument document)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var der in document.Bundle.Append(document.Certificate))
        {
            hash.AppendData(BitConverter.GetBytes(der.Length)); // so that no two lists of certificates are the same bytes
            hash.AppendData(der.Span);
        }
        var key = Digest.From(hash.GetHashAndReset());
        if (chains.TryGet(key, out var known)) return known;
        var chain = NitroChain.Read(document, roots);
        return chain.Holds ? chains.Add(key, chain) : chain;
    }

    private static string? Listed(IEnumerable<string> words) => string.Join("; ", words) is { Length: > 0 } text ? text : null;
}
