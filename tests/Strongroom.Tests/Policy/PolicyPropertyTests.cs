using FsCheck;
using FsCheck.Fluent;
using Strongroom.Bytes;
using Strongroom.Policy;

namespace Strongroom.Tests.Policy;

/// <summary>What holds for every request, whoever answered it how.</summary>
public sealed class PolicyPropertyTests
{
    private static readonly ReleaseScene Good = new();

    private static readonly Arbitrary<ApprovalFact[]> Answers = (
        from person in Gen.Elements("person-opener", "p1", "p2", "p3")
        from groups in Gen.Elements<string[]>(["owners"], ["security"], ["owners", "security"], [])
        from request in Gen.Frequency((9, Gen.Constant(Good.Request.Digest)), (1, Gen.Constant(Digest.Of("other"u8))))
        from approves in Gen.Frequency((9, Gen.Constant(true)), (1, Gen.Constant(false)))
        from consumed in Gen.Frequency((9, Gen.Constant(false)), (1, Gen.Constant(true)))
        from hours in Gen.Choose(0, 2)
        select Good.Approval(0, person, groups) with { RequestDigest = request, Approves = approves, Consumed = consumed, Expires = ReleaseScene.Noon.AddMinutes(30 * hours) })
        .ArrayOf().Select(answers => answers.Select((answer, index) => answer with { LedgerIndex = index }).ToArray()).ToArbitrary();

    [Fact]
    public void Removing_an_approval_never_allows() => Check(answers =>
        Allows(answers) || Enumerable.Range(0, answers.Length).Where(i => answers[i].Approves).All(i => !Allows([.. answers.Where((_, j) => i != j)])));

    [Fact]
    public void Adding_a_refusal_never_allows() => Check(answers =>
        !Allows([.. answers, Good.Approval(1000, "p4", "owners") with { Approves = false }]));

    [Fact]
    public void Adding_an_approval_never_takes_one_away() => Check(answers =>
        !Allows(answers) || Allows([.. answers, Good.Approval(1000, "p4", "owners")]));

    [Fact]
    public void Whatever_is_allowed_was_approved_by_two_different_people_who_did_not_ask() => Check(answers =>
        Decide(answers) is not Decision.Allowed allowed
        || (allowed.Approvals.Select(approval => approval.Person).Distinct().Count() >= 2 && allowed.Approvals.All(approval => approval.Person != Good.Request.OpenedBy)));

    [Fact]
    public void The_same_policy_read_again_decides_the_same() => Check(answers =>
    {
        var again = ReleasePolicy.Parse(Good.Policy.Canonical.Span);
        var facts = Facts(answers);
        return Same(again.Decide(Good.Request, Good.Evidence, facts, Good.Now), Good.Policy.Decide(Good.Request, Good.Evidence, facts, Good.Now));
    });

    [Fact]
    public void Some_are_allowed_and_some_are_not()
    {
        var sample = Answers.Generator.Sample(500, 12).ToList();
        Assert.Contains(sample, Allows);
        Assert.Contains(sample, answers => !Allows(answers));
    }

    private static void Check(Func<ApprovalFact[], bool> property) => Prop.ForAll(Answers, property).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    private static bool Allows(ApprovalFact[] answers) => Decide(answers) is Decision.Allowed;

    private static Decision Decide(ApprovalFact[] answers) => (Good with { Facts = facts => facts with { Approvals = answers } }).Decide();

    private static ReleaseFacts Facts(ApprovalFact[] answers) => Good.GivenFacts() with { Approvals = answers };

    private static bool Same(Decision a, Decision b) => (a, b) switch
    {
        (Decision.Allowed x, Decision.Allowed y) => x.Approvals.SequenceEqual(y.Approvals) && x.PolicyDigest == y.PolicyDigest,
        (Decision.Pending x, Decision.Pending y) => x.Missing.SequenceEqual(y.Missing),
        (Decision.Denied x, Decision.Denied y) => x.Reasons.SequenceEqual(y.Reasons),
        _ => false,
    };
}
