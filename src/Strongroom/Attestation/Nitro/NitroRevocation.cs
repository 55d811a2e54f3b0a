using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nitro;

/// <summary>Step 7: whether an authority of the path took a certificate back.</summary>
internal static class NitroRevocation
{
    private const string Id = "nitro.7";
    private const string What = "no certificate of the path was taken back";

    public static void Check(CertificatePath path, Endorsements endorsements, NitroPolicy policy, DateTimeOffset at, Findings findings)
    {
        if (findings.LeavesOut(CheckGroup.Revocation))
        {
            findings.Check(Id, What, false, group: CheckGroup.Revocation);
            return;
        }
        List<string> revoked = [], wanting = [], silent = [];
        List<RevocationList> used = [];
        for (var i = 0; i + 1 < path.Certificates.Count; i++)
        {
            var (subject, issuer) = (path.Certificates[i], path.Certificates[i + 1]);
            RevocationList[] lists = NitroChain.MaySignLists(issuer) ? [.. endorsements.RevocationLists.Where(list => list.IsBy(issuer))] : [];
            // A certificate that was taken back stays so: an old list that names it is as good as a new one.
            if (lists.Any(list => list.Lists(subject))) revoked.Add(subject.Subject);
            else if (lists.FirstOrDefault(list => list.Covers(subject) && IsFresh(list, endorsements, policy, at)) is { } fresh) used.Add(fresh);
            else if (lists.Length > 0) wanting.Add($"a list of {issuer.Subject} newer than {Timestamp.Format(lists.Max(list => list.ThisUpdate))}");
            else if (NitroChain.NamesRevocationList(subject) && policy.RequireRevocationLists) wanting.Add($"a list of {issuer.Subject}, from where {subject.Subject} says");
            else silent.Add($"revocation: whether {issuer.Subject} took back {subject.Subject}: no list was given, {(NitroChain.NamesRevocationList(subject) ? "though the certificate names one" : "and the certificate names none")}");
        }
        foreach (var list in used) findings.Uses(new($"revocation list of {list.Issuer.Name}", list.ThisUpdate, list.NextUpdate!.Value));
        Conclude(revoked, wanting, used.Count, findings);
        foreach (var each in silent) findings.NotChecked(each);
    }

    private static void Conclude(List<string> revoked, List<string> wanting, int used, Findings findings)
    {
        if (revoked.Count > 0) findings.Check(Id, What, false, $"taken back: {string.Join("; ", revoked)}", CheckGroup.Revocation);
        else if (wanting.Count > 0) findings.Missing(Id, What, string.Join("; ", wanting), CheckGroup.Revocation);
        else if (used > 0) findings.Check(Id, What, true, $"{used} lists looked at", CheckGroup.Revocation);
        else findings.Skip(Id, What, "no list was given, and the policy asks for none: AWS asks verifiers not to use them");
    }

    private static bool IsFresh(RevocationList list, Endorsements endorsements, NitroPolicy policy, DateTimeOffset at) =>
        list.ThisUpdate <= at && list.NextUpdate is { } next && at < next && endorsements.AgeOf(list.ThisUpdate, at) <= TimeSpan.FromDays(policy.MaxEndorsementAgeDays);
}
