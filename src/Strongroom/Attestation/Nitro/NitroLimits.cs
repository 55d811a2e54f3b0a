using System.Globalization;
using Strongroom.Attestation.Appraisal;

namespace Strongroom.Attestation.Nitro;

/// <summary>Step 4: the limits of AWS, Attestation Process, section 3.2.2.2. Its grammar allows 1024 bytes of user_data and nonce, its text 512: the text counts.</summary>
internal static class NitroLimits
{
    private const int MaxCertificateSizeInBytes = 1024;
    private const int MaxPublicKeySizeInBytes = 1024;
    private const int MaxDataSizeInBytes = 512;
    private const int MaxPcrs = 32;
    private const int PcrSizeInBytes = 48;
    private const int SignatureSizeInBytes = 96;

    public static void Check(NitroDocument document, Findings findings)
    {
        Size("signature", document.Message.Signature, SignatureSizeInBytes, SignatureSizeInBytes, findings);
        findings.Check("nitro.4.module_id", "module_id is not empty", document.ModuleId.Length > 0);
        findings.Check("nitro.4.digest", "the registers are hashed by SHA384", document.DigestName == "SHA384", $"expected SHA384, found {document.DigestName}");
        findings.Check("nitro.4.timestamp", "timestamp is a time after 1970", document.Timestamp > 0 && document.Made is not null, document.Timestamp.ToString(CultureInfo.InvariantCulture));
        findings.Check("nitro.4.pcrs", $"there are 1 to {MaxPcrs} registers, numbered 0 to {MaxPcrs - 1}, each as long as SHA-384",
            document.Pcrs.Count is >= 1 and <= MaxPcrs && document.Pcrs.All(pcr => pcr.Index < MaxPcrs && pcr.Value.Length == PcrSizeInBytes),
            string.Join("; ", document.Pcrs.Where(pcr => pcr.Index >= MaxPcrs || pcr.Value.Length != PcrSizeInBytes).Select(pcr => $"PCR{pcr.Index} has {pcr.Value.Length} bytes").DefaultIfEmpty($"{document.Pcrs.Count} registers")));
        Size("certificate", document.Certificate, 1, MaxCertificateSizeInBytes, findings);
        findings.Check("nitro.4.cabundle", $"the bundle has a certificate, and each has 1 to {MaxCertificateSizeInBytes} bytes",
            document.Bundle.Count > 0 && document.Bundle.All(der => der.Length is >= 1 and <= MaxCertificateSizeInBytes), $"{document.Bundle.Count} certificates");
        Size("public_key", document.PublicKey, 1, MaxPublicKeySizeInBytes, findings);
        Size("user_data", document.UserData, 0, MaxDataSizeInBytes, findings);
        Size("nonce", document.Nonce, 0, MaxDataSizeInBytes, findings);
    }

    private static void Size(string member, ReadOnlyMemory<byte>? value, int least, int most, Findings findings) =>
        findings.Check($"nitro.4.{member}", least == most ? $"{member} has {most} bytes" : $"{member} has {least} to {most} bytes",
            value is not { } there || (there.Length >= least && there.Length <= most), value is { } bytes ? $"{bytes.Length} bytes" : "none");
}
