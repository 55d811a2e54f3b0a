using Strongroom.Attestation.Appraisal;

namespace Strongroom.Cli.Appraising;

/// <summary>An attestation result for people.</summary>
internal static class ResultInWords
{
    internal static void Write(AttestationResult result, TextWriter text)
    {
        foreach (var check in result.Checks)
        {
            text.WriteLine($"{Mark(check.Result)}  {check.Id,-24}  {check.What}");
            if (check.Detail is not null && check.Result != CheckResult.Passed) text.WriteLine($"{"",34}{check.Detail}");
        }
        foreach (var used in result.Endorsements) text.WriteLine($"relied on: {used.What}, issued {used.Issued:yyyy-MM-dd}, until {used.Expires:yyyy-MM-dd}");
        foreach (var missing in result.Missing) text.WriteLine($"missing: {missing}");
        foreach (var open in result.NotChecked) text.WriteLine($"not checked: {open}");
        text.WriteLine();
        text.WriteLine(result.Outcome switch
        {
            Outcome.Verified => $"verified: this is genuine {result.Kind} evidence, and as the policy asks; {result.NotChecked.Count} things are left to you (not checked)",
            Outcome.Rejected => $"rejected: {string.Join(", ", result.Failures.Select(check => check.Id))} failed",
            _ => "undecided: nothing failed, but endorsements are missing or stale",
        });
    }

    private static string Mark(CheckResult result) => result switch
    {
        CheckResult.Passed => "passed ",
        CheckResult.Failed => "FAILED ",
        _ => "skipped",
    };
}
