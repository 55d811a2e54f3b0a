using System.Globalization;
using Strongroom.Crypto;
using Strongroom.Facts;

namespace Strongroom.Tests.Facts;

/// <summary>
/// People who answer late, twice, for the wrong request, who leave and change policies, in random order; the invariants are looked at after every step.
/// A schedule is its seed: one that fails is printed with its trace and replayed by putting the seed into <see cref="Replay"/>.
/// </summary>
public sealed class ScheduleTests
{
    private const int Steps = 40;

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task No_key_leaves_without_two_standing_approvals_by_others_than_the_opener(int seed) => await Run(seed);

    [Fact(Explicit = true)]
    public async Task Replay() => await Run(seed: 1);

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    private static async Task Run(int seed)
    {
        var schedule = new Schedule(new Random(seed));
        for (var step = 0; step < Steps; step++)
        {
            schedule.Step();
            if (schedule.Broken is { } broken) Assert.Fail($"seed {seed}: {broken}\n{string.Join('\n', schedule.Trace)}");
        }
        var audit = await schedule.Town.Audit();
        if (audit.Deviations.Count > 0) Assert.Fail($"seed {seed}: {string.Join('\n', audit.Deviations)}\n{string.Join('\n', schedule.Trace)}");
        Assert.Equal(schedule.Town.State.Size, audit.State.Size);
    }

    [Fact]
    public void The_schedules_reach_releases_refusals_and_expired_requests()
    {
        var all = Enumerable.Range(1, 20).Select(seed => new Schedule(new Random(seed))).ToList();
        foreach (var schedule in all)
            for (var step = 0; step < Steps; step++) schedule.Step();
        Assert.All(
            (string[])["ask: Allowed", "ask: Pending", "ask: Denied", "standing", "approve: written", "approve: refused", "leave: written", "policy: written"],
            word => Assert.Contains(all, schedule => schedule.Trace.Any(line => line.Contains(word, StringComparison.Ordinal))));
    }

    private sealed class Schedule(Random random)
    {
        private readonly List<string> requests = [];
        private readonly List<Approval> late = [];
        private readonly HpkePrivateKey[] enclaves = [HpkePrivateKey.Generate(), HpkePrivateKey.Generate()];
        private long leaseSeconds = 3600;

        public Town Town { get; } = Furnished();

        public List<string> Trace { get; } = [];

        public string? Broken { get; private set; }

        private string[] People => [Town.Operator, Town.Owner1, Town.Owner2, Town.Owner3, Town.Outsider];

        public void Step()
        {
            Town.Now = Town.Now.AddSeconds(random.Next(0, 900));
            if (requests.Count == 0) Open();
            else Any((3, Open), (10, Approve), (4, Late), (2, Refuse), (10, Ask), (2, Revoke), (1, Leave), (1, ChangePolicy))();
        }

        private Action Any(params (int Weight, Action Do)[] choices)
        {
            var at = random.Next(choices.Sum(choice => choice.Weight));
            foreach (var (weight, act) in choices)
                if ((at -= weight) < 0) return act;
            throw new System.Diagnostics.UnreachableException();
        }

        private void Open()
        {
            var open = Town.Open(One(Town.Operator, Town.Owner1)) with { LeaseSeconds = leaseSeconds, Expires = Town.Now.AddSeconds(random.Next(600, 40_000)) };
            if (Write("open", open)) requests.Add(Ids.Request(open));
        }

        private void Approve()
        {
            var approval = Town.Approve(One(People), One([.. requests]));
            if (random.Next(4) == 0) late.Add(approval);
            else Write("approve", approval);
            if (random.Next(6) == 0) Write("approve twice", approval with { Id = random.Next(2) == 0 ? approval.Id : Command.NewId() });
        }

        /// <summary>Signed earlier, sent now: perhaps after a change of policy, after leaving, for a request that is over, or relabelled for another.</summary>
        private void Late()
        {
            if (late.Count == 0) return;
            var approval = late[random.Next(late.Count)];
            Write("approve late", random.Next(3) == 0 ? approval with { Request = One([.. requests]), At = Town.Now } : approval with { At = Town.Now });
        }

        private void Refuse()
        {
            if (random.Next(3) == 0) Write("refuse", Town.Approve(One(People), One([.. requests]), Answer.Refuse));
        }

        private void Revoke() => Write("revoke", Town.Revoke(One([.. requests, .. Town.State.Release.Leases.Keys])));

        private void Leave()
        {
            var proposal = Town.Propose(new RemovePerson(One(Town.Owner3, Town.Outsider)));
            if (Write("leave proposed", proposal)) Write("leave", Town.Approve(proposal));
        }

        private void ChangePolicy()
        {
            leaseSeconds = random.Next(2) == 0 ? 3600 : 1800;
            var proposal = Town.Propose(new SetPolicy(Town.Document(Town.Policy(leaseSeconds: leaseSeconds))));
            if (Write("policy proposed", proposal)) Write("policy", Town.Approve(proposal));
        }

        private void Ask()
        {
            var (request, key) = (One([.. requests]), One(enclaves).PublicKey);
            var before = Town.State;
            var decision = Town.Ask(request, key);
            Trace.Add(string.Create(CultureInfo.InvariantCulture, $"{Town.Now:T} ask: {(decision.Standing is null ? decision.Record.Outcome : "standing")} {request}"));
            if (decision.Standing is null && decision.Record.Grant is { } grant) Broken = WhyBroken(before, request, grant);
        }

        /// <summary>Said again here in the plainest way, from the records alone and with none of the code that decides.</summary>
        private string? WhyBroken(LedgerState before, string request, GrantedLease grant)
        {
            var asked = before.Requests.Requests[request].Asked;
            var approvals = grant.Approvals.Select(index => (Approval)((CommandRecord)LedgerRecord.Parse(Town.Entries[(int)index])).Command).ToList();
            var owners = approvals.Where(approval => approval.By == Town.Owner1 || approval.By == Town.Owner2 || approval.By == Town.Owner3).ToList();
            var earlier = Town.Entries[..^1].Select(entry => LedgerRecord.Parse(entry)).OfType<ReleaseDecided>().SelectMany(decided => decided.Grant?.Approvals ?? []).ToList();
            var revoked = Town.Entries.Select(entry => LedgerRecord.Parse(entry)).OfType<CommandRecord>().Select(record => record.Command).OfType<Revoke>().Select(revoke => revoke.Target);
            if (owners.Select(approval => approval.By).Distinct().Count() < 2) return "fewer than two owners";
            if (approvals.Any(approval => approval.By == asked.OpenedBy)) return "the opener approved";
            if (approvals.Any(approval => approval.Request != request || approval.Decision != Answer.Approve)) return "no approval of this request";
            if (approvals.Any(approval => approval.Expires <= Town.Now)) return "an expired approval";
            if (approvals.Any(approval => approval.PolicyDigest != before.Access.Policy!.Digest)) return "an approval under another policy";
            if (approvals.Any(approval => before.Access.ActivePerson(approval.By) is null)) return "an approval by a leaver";
            if (grant.Approvals.Intersect(earlier).Any()) return "an approval spent twice";
            if (revoked.Contains(request)) return "a revoked request";
            if (before.Requests.Requests[request].Approvals.Any(given => given.Command.Decision == Answer.Refuse)) return "a refused request";
            return asked.Expires <= Town.Now || grant.Expires > asked.Expires ? "an expired request" : null;
        }

        private bool Write(string what, Command command)
        {
            var written = Town.Try(command);
            Trace.Add(string.Create(CultureInfo.InvariantCulture, $"{Town.Now:T} {what}: {(written ? "written" : "refused")} {command}"));
            return written;
        }

        private T One<T>(params T[] among) => among[random.Next(among.Length)];

        private static Town Furnished()
        {
            var town = Town.Furnished();
            town.Agree(new SetGroups(town.Owner1, ["owners", Groups.Requesters]));
            return town;
        }
    }
}
