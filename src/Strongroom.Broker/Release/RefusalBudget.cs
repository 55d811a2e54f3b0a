namespace Strongroom.Broker.Release;

/// <summary>
/// How many refusals of evidence that proved nothing may be put into the ledger. Whoever reads the public ledger can ask for a challenge in an enrolled
/// machine's name and answer it with rubbish; the first of these are worth a record, the thousandth is only a full disk.
/// </summary>
internal sealed class RefusalBudget(TimeProvider clock, Strangers strangers)
{
    /// <summary>Records in one machine's name.</summary>
    public const int PerHour = 20;

    /// <summary>
    /// Records and evidence, all machines together: what is written stays for ever, so this times 365 is the most that strangers can add in a year, 6 GiB.
    /// Twenty pieces of the largest evidence that is looked at fit in: none of an honest machine's own is too large to be recorded.
    /// </summary>
    public const long BytesPerDay = 16 * 1024 * 1024;

    private readonly Dictionary<string, Spent> spent = []; // machines are enrolled by operators, so their number is bounded
    private readonly Lock gate = new();
    private Spent bytes;

    /// <summary>Takes one record of <paramref name="size"/> bytes, its evidence included, or nothing if any of the budgets has no room for it.</summary>
    public bool TrySpend(string machine, long size)
    {
        lock (gate)
        {
            var now = clock.GetUtcNow();
            var hour = spent.GetValueOrDefault(machine).At(now, TimeSpan.FromHours(1));
            var day = bytes.At(now, TimeSpan.FromDays(1));
            if (hour.Amount >= PerHour || day.Amount + size > BytesPerDay)
            {
                strangers.Count();
                return false;
            }
            (spent[machine], bytes) = (hour with { Amount = hour.Amount + 1 }, day with { Amount = day.Amount + size });
            return true;
        }
    }

    private readonly record struct Spent(DateTimeOffset Since, long Amount)
    {
        public Spent At(DateTimeOffset now, TimeSpan period) => now - Since >= period ? new(now, 0) : this;
    }
}
