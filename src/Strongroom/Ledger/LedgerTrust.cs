using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>What a reader pins: the ledger's name and key, and the witnesses that must all have cosigned.</summary>
public sealed class LedgerTrust
{
    /// <exception cref="MalformedException">No witness, a key of the wrong kind, or one key standing for two signers.</exception>
    public LedgerTrust(string origin, VerifierKey ledger, IReadOnlyList<VerifierKey> witnesses)
    {
        if (witnesses.Count == 0) throw new MalformedException(-1, "a ledger that no witness watches could show each reader another history: name at least one");
        if (ledger.Algorithm != NoteAlgorithm.Ed25519) throw new MalformedException(-1, $"{ledger.Name} is a witness's key, a ledger's is needed");
        if (ledger.Name != origin) throw new MalformedException(-1, $"the key of {origin} is named {ledger.Name}");
        if (witnesses.FirstOrDefault(key => key.Algorithm != NoteAlgorithm.Cosignature) is { } wrong)
            throw new MalformedException(-1, $"{wrong.Name} is a ledger's key, a witness's is needed");
        VerifierKey[] all = [ledger, .. witnesses];
        if (all.DistinctBy(key => key.Key).Count() != all.Length || all.DistinctBy(key => key.Name).Count() != all.Length)
            throw new MalformedException(-1, "ledger and witnesses each need a name and a key of their own");
        (Origin, Ledger, Witnesses) = (origin, ledger, [.. witnesses]);
    }

    public string Origin { get; }

    public VerifierKey Ledger { get; }

    public IReadOnlyList<VerifierKey> Witnesses { get; }

    /// <exception cref="MalformedException">The note's text is no checkpoint.</exception>
    /// <exception cref="RefusedException">Wrong origin, not signed by the ledger, or not cosigned exactly once by each witness.</exception>
    public WitnessedCheckpoint Check(SignedNote note)
    {
        var checkpoint = Require(note, Ledger, Witnesses);
        return new(checkpoint, note, [.. Witnesses.Select(key => Cosignature.FromVerified(note.Signatures.Single(key.Made)))]);
    }

    /// <summary>As <see cref="Check"/>, for readers who may have no witness to ask for.</summary>
    public static Checkpoint Require(SignedNote note, VerifierKey ledger, IReadOnlyList<VerifierKey> witnesses)
    {
        var checkpoint = Checkpoint.Parse(note.Text);
        List<string> reasons = [.. Reasons(note, checkpoint, ledger, witnesses)];
        return reasons.Count == 0 ? checkpoint : throw new RefusedException([.. reasons.Select(reason => $"the checkpoint: {reason}")]);
    }

    internal static IEnumerable<string> Reasons(SignedNote note, Checkpoint checkpoint, VerifierKey ledger, IReadOnlyList<VerifierKey> witnesses)
    {
        if (checkpoint.Origin != ledger.Name) yield return $"it is of {checkpoint.Origin}, not of {ledger.Name}";
        foreach (var key in (VerifierKey[])[ledger, .. witnesses])
        {
            var lines = note.Signatures.Count(key.Made);
            if (lines == 0) yield return $"{key.Name} has not signed it";
            else if (lines > 1) yield return $"it has {lines} signatures by {key.Name}";
            else if (!note.IsSignedBy(key)) yield return $"the signature of {key.Name} is wrong";
        }
    }
}

/// <summary>A checkpoint whose signature and cosignatures have been checked. Only <see cref="LedgerTrust.Check"/> makes one, and the store that signed it.</summary>
public sealed class WitnessedCheckpoint
{
    internal WitnessedCheckpoint(Checkpoint checkpoint, SignedNote note, IReadOnlyList<Cosignature> cosignatures) =>
        (Checkpoint, Note, Cosignatures) = (checkpoint, note, cosignatures);

    public Checkpoint Checkpoint { get; }

    public SignedNote Note { get; }

    public IReadOnlyList<Cosignature> Cosignatures { get; }
}
