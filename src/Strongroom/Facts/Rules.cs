using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>What every command must meet, and which rules each one has besides. Pure: the broker asks before it writes, an auditor asks again years later.</summary>
internal static class Rules
{
    public const int LongestText = 200;

    public static IReadOnlyList<string> Refusals(LedgerState state, SignedCommand signed, DateTimeOffset now)
    {
        var command = signed.Command;
        var reasons = new List<string>();
        if (state.Founding is null) return ["the ledger has no first record yet"];
        if (command.Ledger != state.Origin) reasons.Add($"the command is meant for the ledger {command.Ledger}, this is {state.Origin}");
        if (!Ids.IsHex32(command.Id)) reasons.Add("a command's id has 32 lower-case hexadecimal digits");
        if (state.HasCommand(command.Id)) reasons.Add("a command with this id is in the ledger: each is written once");
        if ((command.At - now).Duration() > Command.ClockWindow)
            reasons.Add($"the command was signed at {Timestamp.Format(command.At)}, more than five minutes from {Timestamp.Format(now)}");
        if (state.Access.ActivePerson(command.By) is not { } person) reasons.Add($"{command.By} is not an enrolled person");
        else if (!signed.IsSignedBy(person.Key)) reasons.Add($"the signature is not one of {command.By} for this command");
        if (signed.ToBytes().Length > LedgerRecord.MaxBytes - 256) reasons.Add("the command is too long for the ledger");
        reasons.AddRange(OwnRules(state, command, now));
        return reasons;
    }

    /// <summary>An enrolled person's own word, said here, now and for the first time: nobody else can have brought it about.</summary>
    public static bool IsOwnWord(LedgerState state, SignedCommand signed, DateTimeOffset now) =>
        state.Founding is not null && signed.Command.Ledger == state.Origin && Ids.IsHex32(signed.Command.Id) && !state.HasCommand(signed.Command.Id)
        && (signed.Command.At - now).Duration() <= Command.ClockWindow
        && state.Access.ActivePerson(signed.Command.By) is { } person && signed.IsSignedBy(person.Key);

    public static IEnumerable<string> NeedsGroup(LedgerState state, string person, params IReadOnlyList<string> groups)
    {
        if (state.Access.ActivePerson(person) is { } known && !groups.Any(known.IsIn)) yield return $"this needs a person of {string.Join(" or ", groups)}";
    }

    /// <summary>Group names are what policies are read aloud by.</summary>
    public static IEnumerable<string> WellFormed(IReadOnlyList<string> groups)
    {
        if (groups.Distinct(StringComparer.Ordinal).Count() != groups.Count) yield return "a group is named twice";
        foreach (var group in groups)
            foreach (var reason in WellFormedName("a group's name", group))
                yield return reason;
    }

    /// <summary>One spelling only, and safe in a path, a URL and a shell.</summary>
    public static IEnumerable<string> WellFormedName(string what, string name)
    {
        if (name.Length is 0 or > 64 || !char.IsAsciiLetterOrDigit(name[0]) || name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')))
            yield return $"{what} has 1 to 64 letters, digits, hyphens, underscores or dots and starts with a letter or digit";
    }

    /// <summary>One line that looks the same on everybody's screen: no control characters, nothing that turns the direction of writing.</summary>
    public static IEnumerable<string> WellFormedText(string what, string text)
    {
        if (text.Length is 0 or > LongestText) yield return $"{what} has 1 to {LongestText} characters";
        if (text.EnumerateRunes().Any(rune => Rune.GetUnicodeCategory(rune) is System.Globalization.UnicodeCategory.Control
            or System.Globalization.UnicodeCategory.Format or System.Globalization.UnicodeCategory.Surrogate
            or System.Globalization.UnicodeCategory.LineSeparator or System.Globalization.UnicodeCategory.ParagraphSeparator || rune == Rune.ReplacementChar))
            yield return $"{what} holds a character that cannot be seen";
    }

    private static IEnumerable<string> OwnRules(LedgerState state, Command command, DateTimeOffset now) => command switch
    {
        ProposeChange propose => AccessRules.Refusals(state, propose),
        ApproveChange approve => AccessRules.Refusals(state, approve, now),
        RefuseChange refuse => AccessRules.Refusals(state, refuse),
        AddModel add => ModelsRules.Refusals(state, add),
        EnrolMachine enrol => MachinesRules.Refusals(state, enrol, now),
        RetireMachine retire => MachinesRules.Refusals(state, retire),
        RecordEndorsements record => EndorsementsRules.Refusals(state, record, now),
        OpenRequest open => RequestsRules.Refusals(state, open, now),
        Approval approval => RequestsRules.Refusals(state, approval, now),
        Revoke revoke => RevokeRules.Refusals(state, revoke),
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
