using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>
/// What Intel publishes about platforms, as far as a caller has it, sorted; parsed once for as long as the caller keeps the same <see cref="Endorsements"/>. Nothing is verified by
/// being in here. Which signatures hold is remembered: it is a fact about bytes and keys, whoever asks and whenever.
/// </summary>
internal sealed class Collateral
{
    /// <summary>Members of the JSON in which quote libraries hand around all collateral at once (sgx_ql_qve_collateral_t and its ports).</summary>
    private static readonly string[] Chains = ["pck_crl_issuer_chain", "tcb_info_issuer_chain", "qe_identity_issuer_chain", "pck_certificate_chain", "root_ca_crl", "pck_crl"];

    private readonly ConcurrentDictionary<(SignedJson Signed, Digest Key), bool> signatures = new();
    private readonly List<TcbInfo> tcbInfos = [];
    private readonly List<QeIdentity> identities = [];
    private readonly List<BrokenDocument> broken = [];
    private readonly List<X509Certificate2> certificates;
    private readonly List<RevocationList> lists;

    public Collateral(Endorsements endorsements)
    {
        certificates = [.. endorsements.Certificates];
        lists = [.. endorsements.RevocationLists];
        foreach (var document in endorsements.Json)
        {
            try
            {
                Add(document.Name, document.Bytes);
            }
            catch (MalformedException e)
            {
                broken.Add(new(document, e.Message));
            }
        }
    }

    public IReadOnlyList<TcbInfo> TcbInfos => tcbInfos;

    public IReadOnlyList<QeIdentity> QeIdentities => identities;

    /// <summary>JSON that cannot be read, Intel's or whosever.</summary>
    public IReadOnlyList<BrokenDocument> Broken => broken;

    public IReadOnlyList<X509Certificate2> Certificates => certificates;

    public IReadOnlyList<RevocationList> Lists => lists;

    public bool IsSigned(SignedJson json, X509Certificate2 signer) => signatures.GetOrAdd((json, CertificatePaths.HashOf(signer)), _ =>
    {
        try
        {
            using var key = signer.GetECDsaPublicKey();
            return key is { KeySize: 256 } && json.IsSignedBy(key.ExportParameters(false));
        }
        catch (CryptographicException) // a certificate is loaded without looking at its key
        {
            return false;
        }
    });

    private void Add(string name, ReadOnlyMemory<byte> bytes)
    {
        if (SignedJson.Find(name, bytes, "tcbInfo"u8) is { } tcb) tcbInfos.Add(TcbInfo.Parse(tcb));
        else if (SignedJson.Find(name, bytes, "enclaveIdentity"u8) is { } identity) identities.Add(QeIdentity.Parse(identity));
        else AddAllAtOnce(name, bytes);
    }

    /// <summary>One JSON with PEM chains, lists in PEM, hexadecimal or base64, and the signed values as strings or with their signature inside them.</summary>
    private void AddAllAtOnce(string name, ReadOnlyMemory<byte> bytes)
    {
        Dictionary<string, string> members;
        try
        {
            using var json = JsonDocument.Parse(bytes, new() { AllowDuplicateProperties = false, MaxDepth = 16 });
            if (json.RootElement.ValueKind != JsonValueKind.Object) return;
            members = json.RootElement.EnumerateObject().Where(each => each.Value.ValueKind == JsonValueKind.String).ToDictionary(each => each.Name, each => each.Value.GetString()!);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter for halves of surrogate pairs
        {
            throw new MalformedException(-1, $"{name} is no JSON: {e.Message}");
        }
        var files = Chains.Where(members.ContainsKey).Select(member => ($"{name}: {member}", Text(members[member])));
        var inside = Endorsements.Read(files);
        certificates.AddRange(inside.Certificates);
        lists.AddRange(inside.RevocationLists);
        if (Signed(members, name, "tcb_info", "tcbInfo") is { } tcb) tcbInfos.Add(TcbInfo.Parse(tcb));
        if (Signed(members, name, "qe_identity", "enclaveIdentity") is { } identity) identities.Add(QeIdentity.Parse(identity));
    }

    private static SignedJson? Signed(Dictionary<string, string> members, string name, string member, string whole)
    {
        if (!members.TryGetValue(member, out var text)) return null;
        var bytes = Encoding.UTF8.GetBytes(text);
        return members.TryGetValue(member + "_signature", out var signature)
            ? new($"{name}: {member}", bytes, SignedJson.Hex(signature, 64, member + "_signature"))
            : SignedJson.Find($"{name}: {member}", bytes, Encoding.UTF8.GetBytes(whole));
    }

    private static ReadOnlyMemory<byte> Text(string value)
    {
        if (value.Length > 0 && value.Length % 2 == 0 && !value.AsSpan().ContainsAnyExcept("0123456789abcdefABCDEF")) return Convert.FromHexString(value);
        var base64 = new byte[value.Length];
        return !value.Contains("-----BEGIN ", StringComparison.Ordinal) && Convert.TryFromBase64String(value, base64, out var written) ? base64.AsMemory(0, written) : Encoding.UTF8.GetBytes(value);
    }
}
