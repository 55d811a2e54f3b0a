using Strongroom.Bytes;

namespace Strongroom.Policy;

/// <summary>What the ledger says is true now about everything that one request names. Nothing is implied: a fact that is not known is null or absent.</summary>
public sealed record ReleaseFacts
{
    /// <summary>The memory of a guest that asks by RCAR, which says nothing of it.</summary>
    public const string GuestMemory = "guest";

    /// <summary>Digest of the policy in force.</summary>
    public required Digest PolicyDigest { get; init; }

    /// <summary>The asked version of the asked model; null if no such version was ever added.</summary>
    public required ModelFact? Model { get; init; }

    /// <summary>The asked machine; null if it was never enrolled.</summary>
    public required MachineFact? Machine { get; init; }

    /// <summary>The reference value sets on record, by name.</summary>
    public required IReadOnlyList<ReferenceValues> ReferenceValues { get; init; }

    /// <summary>Every answer given to this request, in ledger order.</summary>
    public required IReadOnlyList<ApprovalFact> Approvals { get; init; }

    /// <summary>The person who opened the request is still enrolled.</summary>
    public required bool OpenerActive { get; init; }

    /// <summary>The request was revoked.</summary>
    public required bool RequestRevoked { get; init; }

    /// <summary>The kind of protected memory that the enclave will hold the key in, <c>secret</c> or <c>locked</c>; <see cref="GuestMemory"/> where a guest asks; null before anybody asked.</summary>
    public required string? AskedMemory { get; init; }

    /// <summary>A guest asks by RCAR (spec/kbs.md): it checks no proof, and what it does with the key nobody knows but its measurement.</summary>
    public bool KbsGuest { get; init; }

    /// <summary>The broker was started with --danger-development-evidence.</summary>
    public required bool DevelopmentAllowed { get; init; }
}

/// <param name="Digest">SHA-256 of the canonical manifest.</param>
/// <param name="LatestVersion">The highest version of this name on record.</param>
/// <param name="PublisherTrusted">The key that signed the manifest is recorded now as a publisher's.</param>
/// <param name="Withdrawn">The version was revoked.</param>
public sealed record ModelFact(string Name, long Version, Digest Digest, long LatestVersion, bool PublisherTrusted, bool Withdrawn);

/// <param name="Kind">The kind of evidence it was enrolled with.</param>
/// <param name="Active">Neither retired nor revoked.</param>
public sealed record MachineFact(string Id, string Kind, bool Active);

/// <summary>One person's signed answer to a request, with all that the signature covers.</summary>
/// <param name="LedgerIndex">Where the signed command stands in the ledger.</param>
/// <param name="PersonActive">Still enrolled now.</param>
/// <param name="Groups">The groups that the person holds now, not those held when signing.</param>
/// <param name="Approves">False for a refusal.</param>
/// <param name="At">When the ledger recorded it.</param>
/// <param name="Consumed">Spent by another release. A renewal counts the approvals that its own lease consumed and no others: for it, those are the ones not consumed.</param>
public sealed record ApprovalFact(
    long LedgerIndex,
    string Person,
    bool PersonActive,
    IReadOnlyList<string> Groups,
    bool Approves,
    Digest RequestDigest,
    Digest PolicyDigest,
    Digest ModelDigest,
    string Machine,
    Digest Measurement,
    string Purpose,
    long LeaseSeconds,
    DateTimeOffset At,
    DateTimeOffset Expires,
    bool Consumed);
