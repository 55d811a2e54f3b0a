using Strongroom.Bytes;
using Strongroom.Policy;

namespace Strongroom.Tests.Policy;

/// <summary>An approval counts only for exactly what was signed; spec/policy.md, "Which approvals count".</summary>
public sealed class ApprovalTests
{
    private static readonly ReleaseScene Good = new();

    [Fact]
    public void Nobody_approves_what_they_asked_for() => Missing(answer => answer with { Person = "person-opener" }, "who asks never approves");

    [Fact]
    public void An_approval_counts_for_no_other_request() => Missing(answer => answer with { RequestDigest = Digest.Of("other"u8) }, "another request");

    [Fact]
    public void An_approval_counts_under_no_other_policy() => Missing(answer => answer with { PolicyDigest = Digest.Of("other"u8) }, "policy has changed");

    [Fact]
    public void An_approval_counts_for_no_other_measurement() => Missing(answer => answer with { Measurement = Digest.Of("other"u8) }, "measurement has changed");

    [Fact]
    public void An_approval_counts_for_no_other_model() => Missing(answer => answer with { ModelDigest = Digest.Of("other"u8) }, "another model");

    [Fact]
    public void An_approval_counts_for_no_other_machine() => Missing(answer => answer with { Machine = "machine-2" }, "another machine");

    [Fact]
    public void An_approval_counts_for_no_other_purpose() => Missing(answer => answer with { Purpose = "evaluation" }, "another purpose");

    [Fact]
    public void An_approval_counts_for_no_other_lease() => Missing(answer => answer with { LeaseSeconds = 60 }, "another length of lease");

    [Fact]
    public void An_expired_approval_does_not_count() => Missing(answer => answer with { Expires = ReleaseScene.Noon }, "it expired");

    [Fact]
    public void An_approval_from_the_future_does_not_count() => Missing(answer => answer with { At = ReleaseScene.Noon.AddSeconds(1) }, "from the future");

    [Fact]
    public void An_approval_valid_for_too_long_does_not_count() => Missing(answer => answer with { Expires = ReleaseScene.Noon.AddHours(1).AddSeconds(1) }, "longer than 2 hours");

    [Fact]
    public void A_consumed_approval_does_not_count() => Missing(answer => answer with { Consumed = true }, "an earlier release consumed it");

    [Fact]
    public void Someone_who_left_does_not_count() => Missing(answer => answer with { PersonActive = false }, "no longer enrolled");

    [Fact]
    public void Groups_are_those_held_now() => Missing(answer => answer with { Groups = ["owners"] }, "approval by 1 person of group security");

    [Fact]
    public void Someone_in_no_asked_group_does_not_count() => Missing(answer => answer with { Groups = ["finance"] }, "none of the groups");

    [Fact]
    public void One_person_in_both_groups_counts_once() => Missing(answer => answer with { Person = "person-owner", Groups = ["owners", "security"] }, "group");

    [Fact]
    public void People_in_several_groups_fill_the_places_that_others_cannot()
    {
        var scene = Good with
        {
            Rule = Good.Rule with { Approvals = [new("a", 1), new("b", 1), new("c", 1)] },
            Facts = facts => facts with { Approvals = [] },
        };
        var answers = new[] { scene.Approval(1, "p1", "a", "b", "c"), scene.Approval(2, "p2", "a", "b"), scene.Approval(3, "p3", "a") };
        Assert.IsType<Decision.Allowed>((scene with { Facts = facts => facts with { Approvals = answers } }).Decide());
        Assert.IsType<Decision.Pending>((scene with { Facts = facts => facts with { Approvals = [answers[0], answers[2], scene.Approval(2, "p2", "a")] } }).Decide());
    }

    [Fact]
    public void Two_of_one_group_are_two_people()
    {
        var scene = Good with { Rule = Good.Rule with { Approvals = [new("owners", 2)] } };
        Assert.IsType<Decision.Pending>((scene with { Second = answer => answer with { Person = "person-owner", Groups = ["owners"] } }).Decide());
        Assert.IsType<Decision.Allowed>((scene with { Second = answer => answer with { Groups = ["owners"] } }).Decide());
    }

    [Fact]
    public void A_release_consumes_every_approval_that_counted()
    {
        var scene = Good with { Facts = facts => facts with { Approvals = [.. facts.Approvals, Good.Approval(3, "person-third", "owners")] } };
        Assert.Equal([1L, 2L, 3L], Assert.IsType<Decision.Allowed>(scene.Decide()).Approvals.Select(approval => approval.LedgerIndex));
    }

    private static void Missing(Func<ApprovalFact, ApprovalFact> second, string words)
    {
        var pending = Assert.IsType<Decision.Pending>((Good with { Second = second }).Decide());
        Assert.Contains(pending.Missing, missing => missing.Contains("of group security", StringComparison.Ordinal));
        Assert.Contains(pending.Missing, missing => missing.Contains(words, StringComparison.Ordinal));
    }
}
