using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;

namespace Strongroom.Attestation.Nvidia;

/// <summary>
/// Whether a certificate was taken back, from stored OCSP responses and revocation lists. One signed word that it was outweighs any number that it was not; a word that it was
/// not counts only while it is fresh.
/// </summary>
internal sealed class Revocation(NvidiaEndorsements endorsements, DateTimeOffset at, TimeSpan maxAge, DeviceFindings findings)
{
    public static string What(X509Certificate2 certificate) => $"{certificate.GetNameInfo(X509NameType.SimpleName, false)} was not taken back, says its issuer";

    public void Check(string step, X509Certificate2 certificate, X509Certificate2 issuer)
    {
        var (what, subject) = (What(certificate), certificate.Subject);
        if (findings.LeavesOut(CheckGroup.Revocation))
        {
            findings.Check(step, what, true, null, CheckGroup.Revocation);
            return;
        }
        var words = endorsements.WordsOn(certificate, issuer, at).Where(word => word.ThisUpdate <= at).ToList();
        var bad = words.FirstOrDefault(word => word.Status == OcspStatus.Revoked) ?? words.Where(IsFresh).FirstOrDefault(word => word.Status == OcspStatus.Unknown);
        if (bad is not null)
        {
            findings.Check(step, what, false, bad.Status == OcspStatus.Revoked ? "revoked" : "its issuer does not know it", CheckGroup.Revocation);
            return;
        }
        var best = words.Where(IsFresh).MaxBy(word => word.ThisUpdate);
        if (best is null)
        {
            var stale = words.Count == 0 ? "" : $"; the newest there is of {words.Max(word => word.ThisUpdate):u}, {maxAge.TotalDays:0} days are allowed";
            findings.Missing(step, what, $"a fresh OCSP response for {subject}, serial number {certificate.SerialNumber} ({OcspRequest.Address("http://ocsp.ndis.nvidia.com", certificate, issuer)}){stale}", CheckGroup.Revocation);
            return;
        }
        findings.Uses(new($"OCSP or revocation list for {subject}", best.ThisUpdate, best.NextUpdate ?? best.ThisUpdate + maxAge));
        findings.Check(step, what, true, $"as of {best.ThisUpdate:u}", CheckGroup.Revocation);
    }

    /// <summary>A word without an end never grows old by itself, and does not count.</summary>
    private bool IsFresh(OcspAnswer word) => findings.LeavesOut(CheckGroup.Freshness) || (word.NextUpdate is { } end && at < end && at - word.ThisUpdate <= maxAge);
}
