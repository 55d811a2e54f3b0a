using System.Collections.Immutable;

namespace Strongroom.Facts;

/// <summary>
/// How many decisions without a grant are on record, and how large. Whoever reads the public ledger can ask in an enrolled machine's name and answer with
/// rubbish, and a machine that is refused can ask again and again: the first of these are worth a record, the thousandth is only a full disk. Folded from
/// the ledger like everything else, so that a restart gives nobody a new budget.
/// </summary>
/// <remarks>Beyond a budget a refusal is given all the same, and not recorded. What a machine itself brought about never spends what strangers may, nor the other way round.</remarks>
public sealed record RefusalsState
{
    /// <summary>Records of evidence that proved nothing, in one machine's name.</summary>
    public const int PerHourInItsName = 20;

    /// <summary>Records of evidence that a machine gave, for that machine.</summary>
    public const int PerHourByItself = 60;

    /// <summary>
    /// Records and evidence: by strangers, in all names together; and by each machine. What is written stays for ever, so this times 365 is the most that
    /// strangers can add in a year, 6 GiB. Twenty pieces of the largest evidence that is looked at fit in.
    /// </summary>
    public const long BytesPerDay = 16 * 1024 * 1024;

    public static readonly RefusalsState Empty = new();

    private ImmutableDictionary<(string Machine, bool Proved), Spent> Records { get; init; } = ImmutableDictionary<(string Machine, bool Proved), Spent>.Empty;

    /// <summary>By machine; what strangers sent is under no machine.</summary>
    private ImmutableDictionary<string, Spent> Bytes { get; init; } = ImmutableDictionary<string, Spent>.Empty;

    /// <summary>Whether a decision may be recorded: always if it is a grant, else while there is budget for it.</summary>
    public bool HasRoomFor(LedgerRecord decided) =>
        Refusal(decided) is not { } refusal
        || (RecordsAt(refusal, decided.At).Amount < (refusal.Proved ? PerHourByItself : PerHourInItsName)
            && BytesAt(refusal, decided.At).Amount + refusal.Size <= BytesPerDay);

    internal RefusalsState Apply(LedgerRecord record)
    {
        if (Refusal(record) is not { } refusal) return this;
        return new()
        {
            Records = Records.SetItem((refusal.Machine, refusal.Proved), RecordsAt(refusal, record.At).Plus(1)),
            Bytes = Bytes.SetItem(Account(refusal), BytesAt(refusal, record.At).Plus(refusal.Size)),
        };
    }

    private Spent RecordsAt(Refused refusal, DateTimeOffset now) => Records.GetValueOrDefault((refusal.Machine, refusal.Proved)).At(now, TimeSpan.FromHours(1));

    private Spent BytesAt(Refused refusal, DateTimeOffset now) => Bytes.GetValueOrDefault(Account(refusal)).At(now, TimeSpan.FromDays(1));

    private static string Account(Refused refusal) => refusal.Proved ? refusal.Machine : "";

    private static Refused? Refusal(LedgerRecord record) => record switch
    {
        ReleaseDecided { Outcome: not Outcome.Allowed } decided => new(decided.Transcript.Machine, decided.Measurement is not null, decided.ToEntry().Length + decided.EvidenceSize),
        RenewalDecided { Outcome: not Outcome.Allowed } decided => new(decided.Transcript.Machine, decided.Measurement is not null, decided.ToEntry().Length + decided.EvidenceSize),
        _ => null,
    };

    /// <param name="Proved">The machine itself gave the evidence.</param>
    private sealed record Refused(string Machine, bool Proved, long Size);

    private readonly record struct Spent(DateTimeOffset Since, long Amount)
    {
        public Spent At(DateTimeOffset now, TimeSpan period) => now - Since >= period ? new(now, 0) : this;

        public Spent Plus(long amount) => this with { Amount = Amount + amount };
    }
}
