namespace Strongroom.Broker.Release;

/// <summary>
/// How many refusals of evidence that proved nothing one machine's name may put into the ledger. Whoever reads the public ledger can ask for a challenge
/// in an enrolled machine's name and answer it with rubbish; the first of these are worth a record, the thousandth is only a full disk.
/// </summary>
internal sealed class RefusalBudget(TimeProvider clock, Strangers strangers)
{
    public const int PerHour = 20;

    private readonly Dictionary<string, (DateTimeOffset Hour, int Spent)> spent = []; // machines are enrolled by operators, so their number is bounded
    private readonly Lock gate = new();

    public bool TrySpend(string machine)
    {
        lock (gate)
        {
            var now = clock.GetUtcNow();
            var (hour, count) = spent.GetValueOrDefault(machine);
            if (now - hour >= TimeSpan.FromHours(1)) (hour, count) = (now, 0);
            spent[machine] = (hour, Math.Min(count + 1, PerHour));
            if (count < PerHour) return true;
            strangers.Count();
            return false;
        }
    }
}
