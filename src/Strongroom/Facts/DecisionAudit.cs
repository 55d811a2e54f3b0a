using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;
using Strongroom.Policy;

namespace Strongroom.Facts;

/// <summary>
/// Reads a ledger as if nobody who wrote it could be believed: every command's signature and rules are checked again at its place, every decision is
/// computed again from the evidence beside the ledger, to the same bytes, under the policy then in force. Streaming: it holds the state and what it found.
/// </summary>
/// <remarks>That the entries are the ledger's, unaltered and complete, is the part of the ledger audit; this one asks whether they are right.</remarks>
/// <param name="blob">The bytes with this SHA-256 beside the ledger; null if there are none.</param>
/// <param name="candidate">A policy to hold against every past decision; null for none.</param>
/// <param name="endorsements">How a bundle on record is read; tests hand in one that knows their vendors. Null is how everybody else reads it.</param>
public sealed class DecisionAudit(
    Func<Digest, CancellationToken, ValueTask<ReadOnlyMemory<byte>?>> blob, ReleasePolicy? candidate = null, Func<ReadOnlyMemory<byte>, RecordedEndorsements>? endorsements = null)
{
    private readonly List<Deviation> deviations = [];
    private readonly List<Difference> differences = [];
    private RecordedEndorsements onRecord = RecordedEndorsements.None;

    /// <summary>What was folded so far.</summary>
    public LedgerState State { get; private set; } = LedgerState.Empty;

    /// <summary>Everything that should not stand there, in ledger order; empty for a ledger that is right.</summary>
    public IReadOnlyList<Deviation> Deviations => deviations;

    /// <summary>The past decisions that the candidate policy would have made otherwise.</summary>
    public IReadOnlyList<Difference> Differences => differences;

    public long Commands { get; private set; }

    /// <summary>Decisions on releases and renewals that came out to the same bytes.</summary>
    public long Recomputed { get; private set; }

    public long Grants { get; private set; }

    public static async Task<DecisionAudit> ReplayAsync(
        IAsyncEnumerable<ReadOnlyMemory<byte>> entries, Func<Digest, CancellationToken, ValueTask<ReadOnlyMemory<byte>?>> blob, ReleasePolicy? candidate = null,
        CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var audit = new DecisionAudit(blob, candidate);
        await foreach (var entry in entries.WithCancellation(cancel).ConfigureAwait(false))
            if (!await audit.ReadAsync(entry, cancel).ConfigureAwait(false)) break;
        return audit;
    }

    /// <summary>Audits the next entry. False when nothing after it can be judged, because it cannot be folded.</summary>
    public async ValueTask<bool> ReadAsync(ReadOnlyMemory<byte> entry, CancellationToken cancel = default)
    {
        var index = State.Size;
        LedgerRecord record;
        try
        {
            record = LedgerRecord.Parse(entry.Span);
        }
        catch (Exception e) when (IsTheEntrys(e))
        {
            deviations.Add(new(index, $"the entry is no record: {e.Message}; nothing after it can be judged"));
            return false;
        }
        if (record.At < State.At) deviations.Add(new(index, $"the record is dated {Timestamp.Format(record.At)}, earlier than the one before it"));
        try
        {
            await JudgeAsync(index, record, entry, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (IsTheEntrys(e))
        {
            deviations.Add(new(index, $"the entry cannot be judged, by a mistake of this program: {e.GetType().Name}: {e.Message}"));
        }
        try
        {
            State = State.Apply(index, record);
            return true;
        }
        catch (Exception e) when (IsTheEntrys(e))
        {
            deviations.Add(new(index, $"{e.Message}; nothing after it can be judged"));
            return false;
        }
    }

    /// <summary>
    /// Whatever an entry brings about is told of it and goes no further: who writes one that nobody foresaw would take all that was found before and after it with it.
    /// What comes from where entries and blobs are read, and from the process itself, is no entry's.
    /// </summary>
    private static bool IsTheEntrys(Exception e) => e is not (OperationCanceledException or UnavailableException or IOException or UnauthorizedAccessException or OutOfMemoryException);

    private async ValueTask JudgeAsync(long index, LedgerRecord record, ReadOnlyMemory<byte> entry, CancellationToken cancel)
    {
        switch (record)
        {
            case Genesis genesis:
                Add(index, "the ledger should not have been founded so", GenesisRules.Refusals(genesis));
                break;
            case CommandRecord command:
                Commands++;
                Add(index, $"the command {command.Command.Id} should not have been written", State.Refusals(command.AsSigned, record.At));
                await JudgeEnclosedAsync(index, command, cancel).ConfigureAwait(false);
                break;
            case CommandRefused refused:
                if (CommandRefused.Of(State, new(refused.Command, refused.Signature), refused.At)?.ToEntry() is not { } again || !entry.Span.SequenceEqual(again))
                    deviations.Add(new(index, $"the command {refused.Command.Id} should not have been refused so, or not recorded"));
                break;
            case ReleaseDecided decided:
                if (decided.Grant is not null) Grants++;
                await CompareAsync(index, entry, decided.Evidence, decided.Transcript.Machine, (evidence, endorsements) => Recompute(index, decided, evidence, endorsements), cancel).ConfigureAwait(false);
                await RequireMeasurementAsync(index, decided, cancel).ConfigureAwait(false);
                break;
            case GuestDecided decided:
                if (decided.Grant is not null) Grants++;
                await CompareAsync(index, entry, decided.Evidence, decided.Transcript.Machine, (evidence, endorsements) => Recompute(index, decided, evidence, endorsements), cancel).ConfigureAwait(false);
                await RequireMeasurementAsync(index, decided, cancel).ConfigureAwait(false);
                break;
            case RenewalDecided renewed:
                await CompareAsync(index, entry, renewed.Evidence, renewed.Transcript.Machine, (evidence, endorsements) => Recompute(index, renewed, evidence, endorsements), cancel)
                    .ConfigureAwait(false);
                await RequireMeasurementAsync(index, renewed, cancel).ConfigureAwait(false);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private async ValueTask JudgeEnclosedAsync(long index, CommandRecord record, CancellationToken cancel)
    {
        var enclosed = new List<ReadOnlyMemory<byte>>();
        foreach (var digest in record.Blobs)
        {
            if (await BlobAsync(index, Enclosed(record.Command, digest), digest, cancel).ConfigureAwait(false) is not { } bytes) return;
            enclosed.Add(bytes);
        }
        var endorsements = record.Command is EnrolMachine { Evidence: not null } or RecordEndorsements ? await OnRecordAsync(index, cancel).ConfigureAwait(false) : RecordedEndorsements.None;
        if (endorsements is null) return;
        Add(index, $"the command {record.Command.Id} should not have been written with what lies beside it", EnclosedRefusals(record, enclosed, endorsements));
    }

    private static string Enclosed(Command command, Digest digest) => command switch
    {
        AddModel => "manifest",
        EnrolMachine enrol when digest == enrol.Measurement => "measurement",
        RecordEndorsements => "bundle of endorsements",
        ProposeChange => "CoRIM",
        EnrolMachine { Evidence: not null } => "evidence",
        _ => "certificate",
    };

    private IReadOnlyList<string> EnclosedRefusals(CommandRecord record, IReadOnlyList<ReadOnlyMemory<byte>> enclosed, RecordedEndorsements endorsements)
    {
        try
        {
            return Enclosures.Read(record.Command, enclosed, endorsements).Refusals(State, record.Command, record.At);
        }
        catch (Exception e) when (e is MalformedException or UnavailableException)
        {
            return [e.Message];
        }
    }

    private async ValueTask CompareAsync(
        long index, ReadOnlyMemory<byte> entry, Digest digest, string machine, Func<ReadOnlyMemory<byte>, RecordedEndorsements, ReadOnlyMemory<byte>> recompute, CancellationToken cancel)
    {
        if (await BlobAsync(index, "evidence", digest, cancel).ConfigureAwait(false) is not { } evidence) return;
        var needed = State.Machines.Find(machine) is not null && AttestationResult.NeedsEndorsements(State, machine);
        if ((needed ? await OnRecordAsync(index, cancel).ConfigureAwait(false) : RecordedEndorsements.None) is not { } endorsements) return;
        try
        {
            var again = recompute(evidence, endorsements);
            if (again.Span.SequenceEqual(entry.Span)) Recomputed++;
            else deviations.Add(new(index, $"the decision comes out otherwise: {Outline(again)}; the ledger says {Outline(entry)}"));
        }
        catch (Exception e) when (e is MalformedException or ArgumentException or RefusedException or UnavailableException)
        {
            deviations.Add(new(index, $"the decision cannot be computed again: {e.Message}"));
        }
    }

    /// <summary>That the digest is right follows from the evidence; here, that those who were asked to approve it could read what it stands for.</summary>
    private async ValueTask RequireMeasurementAsync(long index, Decided decided, CancellationToken cancel)
    {
        if (decided.Measurement is { } measurement) await BlobAsync(index, "measurement", measurement, cancel).ConfigureAwait(false);
    }

    /// <summary>The endorsements that count at this place, as they lie beside the ledger; null, and told, when they do not.</summary>
    private async ValueTask<RecordedEndorsements?> OnRecordAsync(long index, CancellationToken cancel)
    {
        if (State.Endorsements.Latest?.Digest is not { } digest) return RecordedEndorsements.None;
        if (onRecord.Digest == digest) return onRecord;
        if (await BlobAsync(index, "bundle of endorsements", digest, cancel).ConfigureAwait(false) is not { } bytes) return null;
        try
        {
            return onRecord = (endorsements ?? RecordedEndorsements.Read)(bytes);
        }
        catch (MalformedException e)
        {
            deviations.Add(new(index, $"the endorsements on record are none: {e.Message}"));
            return null;
        }
    }

    private async ValueTask<ReadOnlyMemory<byte>?> BlobAsync(long index, string what, Digest digest, CancellationToken cancel)
    {
        var bytes = await blob(digest, cancel).ConfigureAwait(false);
        if (bytes is null) deviations.Add(new(index, $"the {what} {digest} is not beside the ledger"));
        else if (Digest.Of(bytes.Value.Span) != digest) deviations.Add(new(index, $"the {what} {digest} beside the ledger has been changed"));
        else return bytes;
        return null;
    }

    private ReadOnlyMemory<byte> Recompute(long index, ReleaseDecided decided, ReadOnlyMemory<byte> evidence, RecordedEndorsements endorsements)
    {
        var result = AttestationResult.Of(State, decided.Transcript, evidence, endorsements);
        var again = ReleaseDecision.Make(State, decided.Transcript, result, decided.At);
        if (again.Standing is { } lease) deviations.Add(new(index, $"the same enclave was decided on again while it held {lease.Id}"));
        else if (again.IsRepeated) deviations.Add(new(index, "the same answer was written twice"));
        if (candidate is not null)
        {
            var would = ReleaseDecision.Make(State, decided.Transcript, result, decided.At, candidate, AsIf(candidate)).Record;
            Hold(index, decided.Outcome, would.Outcome, would.Reasons ?? would.Missing);
        }
        return again.Entry;
    }

    private ReadOnlyMemory<byte> Recompute(long index, GuestDecided decided, ReadOnlyMemory<byte> evidence, RecordedEndorsements endorsements)
    {
        var asked = decided.Transcript;
        var result = GuestAttestation.Of(State, asked.Tee, asked.Nonce, asked.Issued, asked.TeeKey, evidence, endorsements);
        var again = GuestDecision.Make(State, asked, result, decided.At);
        if (again.Standing is { } lease) deviations.Add(new(index, $"the same guest was decided on again while it held {lease.Id}"));
        else if (again.IsRepeated) deviations.Add(new(index, "the same answer was written twice"));
        if (candidate is not null)
        {
            var would = GuestDecision.Make(State, asked, result, decided.At, candidate, AsIf(candidate)).Record;
            Hold(index, decided.Outcome, would.Outcome, would.Reasons ?? would.Missing);
        }
        return again.Entry;
    }

    private ReadOnlyMemory<byte> Recompute(long index, RenewalDecided decided, ReadOnlyMemory<byte> evidence, RecordedEndorsements endorsements)
    {
        var again = RenewalDecision.Make(State, decided.Transcript, AttestationResult.Of(State, decided.Transcript, evidence, endorsements), decided.At);
        if (again.IsRepeated) deviations.Add(new(index, "the same answer was written twice"));
        return again.Entry;
    }

    /// <summary>An approval binds the policy that its giver saw; here it is asked what would have been if that had been the candidate.</summary>
    private static Func<ReleaseFacts, ReleaseFacts> AsIf(ReleasePolicy policy) => facts => facts with
    {
        PolicyDigest = policy.Digest,
        Approvals = [.. facts.Approvals.Select(given => given.PolicyDigest == facts.PolicyDigest ? given with { PolicyDigest = policy.Digest } : given)],
    };

    private void Hold(long index, Outcome was, Outcome would, IReadOnlyList<string>? because)
    {
        if (would != was) differences.Add(new(index, was, would, because ?? []));
    }

    private void Add(long index, string what, IReadOnlyList<string> reasons)
    {
        if (reasons.Count > 0) deviations.Add(new(index, $"{what}: {string.Join("; ", reasons)}"));
    }

    private static string Outline(ReadOnlyMemory<byte> entry) => LedgerRecord.Parse(entry.Span) switch
    {
        ReleaseDecided decided => Words(decided.Outcome, decided.Policy, decided.Grant?.Approvals, decided.Reasons ?? decided.Missing),
        GuestDecided decided => Words(decided.Outcome, decided.Policy, decided.Grant?.Approvals, decided.Reasons ?? decided.Missing),
        RenewalDecided decided => Words(decided.Outcome, decided.Policy, null, decided.Reasons),
        _ => "something else",
    };

    private static string Words(Outcome outcome, Digest? policy, IReadOnlyList<long>? approvals, IReadOnlyList<string>? because) =>
        $"{outcome.ToString().ToLowerInvariant()} under policy {(policy is { } digest ? digest.ToString()[..12] : "none")}"
        + (approvals is null ? "" : $", approvals {string.Join(", ", approvals)}") + (because is null ? "" : $" ({string.Join("; ", because)})");
}

/// <summary>Something in the ledger that should not be there.</summary>
public sealed record Deviation(long Index, string What);

/// <summary>A decision that another policy would have made otherwise.</summary>
public sealed record Difference(long Index, Outcome Was, Outcome Would, IReadOnlyList<string> Because);
