using System.Net;
using System.Text;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Witness;

/// <summary>What the witness says, and with which status (C2SP tlog-witness, "add-checkpoint").</summary>
/// <param name="Status">HTTP.</param>
/// <param name="Body">Of the answer.</param>
/// <param name="ContentType">Of the body.</param>
/// <param name="GoesOn">What came was the ledger's own and new: nobody who only repeats what is public has that.</param>
internal readonly record struct WitnessAnswer(HttpStatusCode Status, string Body, string ContentType = "text/plain; charset=utf-8", bool GoesOn = false);

/// <summary>One ledger under watch: its key and the last of its checkpoints that was cosigned, which lives in a file.</summary>
internal sealed class WatchedLedger
{
    private readonly VerifierKey ledger;
    private readonly Cosigner cosigner;
    private readonly TimeProvider clock;
    private readonly string file;
    private readonly Lock gate = new();

    private Checkpoint? seen;

    /// <exception cref="LedgerBrokenException">The state on disk is not one that this witness wrote.</exception>
    public WatchedLedger(VerifierKey ledger, Cosigner cosigner, string state, TimeProvider clock)
    {
        (this.ledger, this.cosigner, this.clock) = (ledger, cosigner, clock);
        OriginHash = Digest.Of(Encoding.UTF8.GetBytes(ledger.Name)).ToString();
        var directory = Path.Combine(state, OriginHash);
        Directory.CreateDirectory(directory);
        file = Path.Combine(directory, "checkpoint");
        try
        {
            if (Latest() is not { } note) return;
            seen = Checkpoint.Parse(note.Text);
            if (note.IsSignedBy(cosigner.Verifier) && note.IsSignedBy(ledger) && seen.Origin == ledger.Name) return;
        }
        catch (MalformedException)
        {
            // Same as a note that it did not sign.
        }
        throw new LedgerBrokenException($"{file} was not written by this witness for {ledger.Name}");
    }

    /// <summary>SHA-256 of the origin in hexadecimal: the ledger's name in the monitoring interface.</summary>
    public string OriginHash { get; }

    /// <summary>The last cosigned checkpoint, or null.</summary>
    public SignedNote? Latest() => File.Exists(file) ? SignedNote.Parse(File.ReadAllBytes(file)) : null;

    /// <summary>The checks stand in the order of the specification; nothing is cosigned before the last of them, nor before it is on disk.</summary>
    public WitnessAnswer Add(AddCheckpoint request, Checkpoint checkpoint)
    {
        if (!request.Checkpoint.IsSignedBy(ledger)) return new(HttpStatusCode.Forbidden, $"not signed by {ledger.Name}\n");
        if (request.OldSize > checkpoint.Size) return new(HttpStatusCode.BadRequest, "the old size is above the checkpoint's\n");
        lock (gate) // two requests must not both be compared with the same last checkpoint
        {
            var (size, root) = (seen?.Size ?? 0, seen?.Root ?? MerkleTree.EmptyRoot);
            if (request.OldSize != size) return new(HttpStatusCode.Conflict, $"{size}\n", "text/x.tlog.size");
            if (checkpoint.Size == 0 && checkpoint.Root != MerkleTree.EmptyRoot) return new(HttpStatusCode.UnprocessableEntity, "the root of no entries is the hash of nothing\n");
            if (!MerkleTree.Extends(size, root, checkpoint.Size, checkpoint.Root, request.Proof))
                return new(HttpStatusCode.UnprocessableEntity, "the proof does not show that the checkpoint extends the last one\n");
            var line = cosigner.Cosign(checkpoint, clock.GetUtcNow());
            var ours = request.Checkpoint.Signatures.Where(ledger.Made).Append(line);
            seen = checkpoint; // first: a write that fails at its last step may already have been read by others
            DurableFile.Replace(file, Encoding.UTF8.GetBytes(new SignedNote(checkpoint.Text, [.. ours]).ToString()));
            return new(HttpStatusCode.OK, line + "\n", GoesOn: checkpoint.Size > size);
        }
    }
}
