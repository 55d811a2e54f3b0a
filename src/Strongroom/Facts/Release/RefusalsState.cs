using System.Collections.Immutable;

namespace Strongroom.Facts;

/// <summary>
/// How many refusals are on record, and how large: decisions without a grant, and people's commands that the rules did not accept; and how large the evidence is by which each
/// lease was renewed. Whoever reads the public ledger can ask in an enrolled machine's name and answer with rubbish; a machine that is refused, or a person's key in a thief's
/// hands, can ask again and again; an approved guest can pad what it says: the first of these are worth a record, the thousandth is only a full disk. Folded from the ledger like
/// everything else, so that a restart gives nobody a new budget.
/// </summary>
/// <remarks>Beyond a budget a refusal is given all the same, and not recorded. What a machine or a person brought about never spends what strangers or others may.</remarks>
public sealed record RefusalsState
{
    /// <summary>Records of evidence that proved nothing, in one machine's name.</summary>
    public const int PerHourInItsName = 20;

    /// <summary>Records of evidence that a machine gave, for that machine.</summary>
    public const int PerHourByItself = 60;

    /// <summary>Records of commands that a person signed, for that person: more than anybody gets wrong by hand.</summary>
    public const int PerHourByPerson = 120;

    /// <summary>
    /// Records and evidence: by strangers, of more than <see cref="OrdinarySize"/>, in all names together; by each machine; and by each person. What is written stays for ever,
    /// so this times 365, 6 GiB, is the most that strangers can add in a year, besides what they may in each machine's name.
    /// </summary>
    public const long BytesPerDay = 16 * 1024 * 1024;

    /// <summary>Records and evidence of ordinary size by strangers, in one machine's name: rubbish neither keeps another machine's refusals from the record, nor does large rubbish keep small ones.</summary>
    public const long BytesPerDayInItsName = 4 * 1024 * 1024;

    /// <summary>What evidence that proved nothing and its record have at most, in bytes, to be counted by the name it came in.</summary>
    public const long OrdinarySize = 256 * 1024;

    /// <summary>Evidence by which a lease is renewed, for each lease: more than eight GPUs say in a day when they are asked each minute. Beyond it the lease is not renewed that day.</summary>
    public const long RenewalBytesPerDay = 1024L * 1024 * 1024;

    public static readonly RefusalsState Empty = new();

    private ImmutableDictionary<(string Name, bool Own), Spent> Records { get; init; } = ImmutableDictionary<(string Name, bool Own), Spent>.Empty;

    /// <summary>By account: a machine, a person or a lease; what strangers sent in a machine's name; and what they sent that is large.</summary>
    private ImmutableDictionary<string, Spent> Bytes { get; init; } = ImmutableDictionary<string, Spent>.Empty;

    /// <summary>Whether a record may be written: always if it neither refuses nor renews, else while there is budget for it.</summary>
    public bool HasRoomFor(LedgerRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        return Counted(record) is not { } counted
            || (RecordsAt(counted, record.At).Amount < counted.PerHour && BytesAt(counted, record.At).Amount + counted.Size <= counted.PerDay);
    }

    internal RefusalsState Apply(LedgerRecord record)
    {
        if (Counted(record) is not { } counted) return this;
        return new()
        {
            Records = Records.SetItem((counted.Name, counted.Own), RecordsAt(counted, record.At).Plus(1)),
            Bytes = Bytes.SetItem(counted.Account, BytesAt(counted, record.At).Plus(counted.Size)),
        };
    }

    private Spent RecordsAt(Entry counted, DateTimeOffset now) => Records.GetValueOrDefault((counted.Name, counted.Own)).At(now, TimeSpan.FromHours(1));

    private Spent BytesAt(Entry counted, DateTimeOffset now) => Bytes.GetValueOrDefault(counted.Account).At(now, TimeSpan.FromDays(1));

    private static Entry? Counted(LedgerRecord record) => record switch
    {
        RenewalDecided { Outcome: Outcome.Allowed } renewed => Its(renewed.Transcript.Lease, renewed.EvidenceSize, int.MaxValue, RenewalBytesPerDay),
        Decided { Outcome: not Outcome.Allowed, Measurement: not null } decided => Its(decided.Asker, Size(decided), PerHourByItself, BytesPerDay),
        Decided { Outcome: not Outcome.Allowed } decided => Strangers(decided.Asker, Size(decided)),
        CommandRefused refused => Its(refused.Command.By, refused.ToEntry().Length, PerHourByPerson, BytesPerDay),
        _ => null,
    };

    private static long Size(Decided decided) => decided.ToEntry().Length + decided.EvidenceSize;

    private static Entry Its(string name, long size, int perHour, long perDay) => new(name, Own: true, size, perHour, Account: name, perDay);

    private static Entry Strangers(string name, long size) => size <= OrdinarySize
        ? new(name, Own: false, size, PerHourInItsName, Account: $"in the name of {name}", BytesPerDayInItsName)
        : new(name, Own: false, size, PerHourInItsName, Account: "large", BytesPerDay);

    /// <param name="Name">A machine's id, a person's or a lease's; none has another's.</param>
    /// <param name="Own">Brought about by the machine or the person and by nobody else.</param>
    /// <param name="Account">Whose bytes it spends.</param>
    private sealed record Entry(string Name, bool Own, long Size, int PerHour, string Account, long PerDay);

    private readonly record struct Spent(DateTimeOffset Since, long Amount)
    {
        public Spent At(DateTimeOffset now, TimeSpan period) => now - Since >= period ? new(now, 0) : this;

        public Spent Plus(long amount) => this with { Amount = Amount + amount };
    }
}
