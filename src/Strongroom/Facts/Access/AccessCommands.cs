using Strongroom.Bytes;

namespace Strongroom.Facts;

public sealed record ProposeChange(string Ledger, string Id, string By, DateTimeOffset At, TrustChange Change) : Command(Ledger, Id, By, At);

/// <param name="Proposal">The proposal's id.</param>
/// <param name="ProposalDigest">Digest of the proposing command: what the approver was shown.</param>
public sealed record ApproveChange(string Ledger, string Id, string By, DateTimeOffset At, string Proposal, Digest ProposalDigest) : Command(Ledger, Id, By, At);

/// <summary>Ends a proposal. Its proposer may do so too.</summary>
public sealed record RefuseChange(string Ledger, string Id, string By, DateTimeOffset At, string Proposal, Digest ProposalDigest) : Command(Ledger, Id, By, At);

/// <summary>Takes something back at once. One person is enough: it can only make the system release less.</summary>
/// <param name="Target">Id of a lease, request, machine, person, or model version (<see cref="Ids.Model"/>).</param>
/// <param name="Reason">For the auditor. No personal data: the ledger never forgets.</param>
public sealed record Revoke(string Ledger, string Id, string By, DateTimeOffset At, string Target, string Reason) : Command(Ledger, Id, By, At);

/// <summary>The groups that the rules themselves know. Any other name is a group of approvers, known to policies only.</summary>
public static class Groups
{
    /// <summary>Propose and approve changes of trust; revoke anything.</summary>
    public const string Administrators = "administrators";

    /// <summary>Enrol and retire machines, add models, open requests, revoke anything but a person.</summary>
    public const string Operators = "operators";

    /// <summary>Add models.</summary>
    public const string Publishers = "publishers";

    /// <summary>Open requests.</summary>
    public const string Requesters = "requesters";
}
