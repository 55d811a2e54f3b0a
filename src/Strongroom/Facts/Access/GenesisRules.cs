using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>Rules for a ledger's first record.</summary>
public static class GenesisRules
{
    /// <summary>Every reason why this cannot be a ledger's first record; empty if it can.</summary>
    public static IReadOnlyList<string> Refusals(Genesis genesis)
    {
        ArgumentNullException.ThrowIfNull(genesis);
        var (founding, reasons) = (genesis.Founding, Refusals(genesis.Founding));
        if (genesis.Signatures.Count != founding.Administrators.Count) reasons.Add("every administrator signs, once");
        var signed = founding.ToBeSigned();
        foreach (var (founder, signature) in founding.Administrators.Zip(genesis.Signatures))
            if (!founder.Key.Verify(signed, signature.Span)) reasons.Add($"the signature is not one of {founder.Person}");
        return reasons;
    }

    /// <summary>As above, before anybody has signed.</summary>
    public static List<string> Refusals(Founding founding)
    {
        ArgumentNullException.ThrowIfNull(founding);
        var reasons = new List<string>();
        if (founding.Ledger.Length > 200) reasons.Add("a ledger's origin has 200 characters at most");
        reasons.AddRange(NobodyToTrust(founding));
        if (founding.DangerDevelopmentEvidence == false) reasons.Add("danger_development_evidence is true or absent");
        if (founding.Administrators.Count < 2) reasons.Add("two administrators at least found a ledger");
        if (founding.Administrators.Any(founder => !Ids.IsPerson(founder.Person))) reasons.Add("a person's id is person- and 32 hexadecimal digits");
        if (founding.Administrators.Select(founder => founder.Person).Distinct().Count() != founding.Administrators.Count) reasons.Add("an administrator is named twice");
        if (founding.Administrators.Select(founder => founder.Key).Distinct().Count() != founding.Administrators.Count) reasons.Add("two administrators have the same key");
        return reasons;
    }

    private static IReadOnlyList<string> NobodyToTrust(Founding founding)
    {
        try
        {
            founding.Trust();
            return [];
        }
        catch (MalformedException e)
        {
            return [$"the ledger's and the witnesses' keys cannot be relied on: {e.Message}"];
        }
    }
}
