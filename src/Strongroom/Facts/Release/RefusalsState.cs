using System.Collections.Immutable;

namespace Strongroom.Facts;

/// <summary>
/// How many refusals are on record, and how large: decisions without a grant, and people's commands that the rules did not accept; and how large the renewals of each lease
/// are. Whoever reads the public
/// ledger can ask in an enrolled machine's name and answer with rubbish; a machine that is refused, or a person's key in a thief's hands, can ask again and
/// again, or an approved guest pad its evidence: the first of these are worth a record, the thousandth is only a full disk. Folded from the ledger like everything else, so that a restart gives
/// nobody a new budget.
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
    /// Records and evidence: by strangers, in all names together; by each machine; and by each person. What is written stays for ever, so this times 365 is the most that
    /// strangers can add in a year, 6 GiB. Twenty pieces of a TPM's largest evidence fit in, and hundreds of what most TEEs give.
    /// </summary>
    public const long BytesPerDay = 16 * 1024 * 1024;

    /// <summary>Evidence by which a lease is renewed, for each lease: four times what eight GPUs say in a day, asked each minute. Beyond it the lease is not renewed that day.</summary>
    public const long RenewalBytesPerDay = 1024L * 1024 * 1024;

    public static readonly RefusalsState Empty = new();

    private ImmutableDictionary<(string Name, bool Own), Spent> Records { get; init; } = ImmutableDictionary<(string Name, bool Own), Spent>.Empty;

    /// <summary>By machine or person; what strangers sent is under neither.</summary>
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
            Bytes = Bytes.SetItem(Account(counted), BytesAt(counted, record.At).Plus(counted.Size)),
        };
    }

    private Spent RecordsAt(Entry counted, DateTimeOffset now) => Records.GetValueOrDefault((counted.Name, counted.Own)).At(now, TimeSpan.FromHours(1));

    private Spent BytesAt(Entry counted, DateTimeOffset now) => Bytes.GetValueOrDefault(Account(counted)).At(now, TimeSpan.FromDays(1));

    private static string Account(Entry counted) => counted.Own ? counted.Name : "";

    private static Entry? Counted(LedgerRecord record) => record switch
    {
        RenewalDecided { Outcome: Outcome.Allowed } renewed => new(renewed.Transcript.Lease, Own: true, renewed.EvidenceSize, int.MaxValue, RenewalBytesPerDay),
        Decided { Outcome: not Outcome.Allowed, Measurement: not null } decided => new(decided.Asker, Own: true, Size(decided), PerHourByItself, BytesPerDay),
        Decided { Outcome: not Outcome.Allowed } decided => new(decided.Asker, Own: false, Size(decided), PerHourInItsName, BytesPerDay),
        CommandRefused refused => new(refused.Command.By, Own: true, refused.ToEntry().Length, PerHourByPerson, BytesPerDay),
        _ => null,
    };

    private static long Size(Decided decided) => decided.ToEntry().Length + decided.EvidenceSize;

    /// <param name="Name">A machine's id, a person's or a lease's; none has another's.</param>
    /// <param name="Own">Brought about by the machine or the person and by nobody else.</param>
    private sealed record Entry(string Name, bool Own, long Size, int PerHour, long PerDay);

    private readonly record struct Spent(DateTimeOffset Since, long Amount)
    {
        public Spent At(DateTimeOffset now, TimeSpan period) => now - Since >= period ? new(now, 0) : this;

        public Spent Plus(long amount) => this with { Amount = Amount + amount };
    }
}
