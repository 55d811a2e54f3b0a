using System.Globalization;
using System.Net;
using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>Asks one witness to cosign (C2SP tlog-witness). Not for concurrent use: a ledger has one head at a time.</summary>
/// <param name="http">Its base address is the witness's submission prefix, with a trailing slash; TLS or loopback.</param>
/// <param name="witness">The key that the answer must verify with.</param>
public sealed class WitnessClient(HttpClient http, VerifierKey witness)
{
    private long seen;

    public VerifierKey Witness { get; } = witness;

    /// <param name="head">The ledger's signed checkpoint.</param>
    /// <param name="proof">Gives the consistency proof from an older size to the head's.</param>
    /// <param name="cancel">Ends the wait; the witness may have cosigned all the same.</param>
    /// <exception cref="UnavailableException">No answer, or one that is no cosignature of this head by this witness.</exception>
    /// <exception cref="LedgerBrokenException">The witness has seen more than this ledger has, or something else.</exception>
    public async Task<NoteSignature> CosignAsync(SignedNote head, Func<long, ValueTask<IReadOnlyList<Digest>>> proof, CancellationToken cancel)
    {
        var checkpoint = Checkpoint.Parse(head.Text);
        // A witness that this client has not met, or that others also report to, answers the first try with the size that it knows.
        for (var tries = 0; tries < 2; tries++)
        {
            var (status, body) = await PostAsync(new(seen, await proof(seen).ConfigureAwait(false), head), cancel).ConfigureAwait(false);
            switch (status)
            {
                case HttpStatusCode.OK:
                    var line = Cosigned(head, body);
                    seen = checkpoint.Size;
                    return line;
                case HttpStatusCode.Conflict:
                    seen = KnownSize(body);
                    if (seen > checkpoint.Size) throw new LedgerBrokenException(
                        $"witness {Witness.Name} has cosigned {seen} entries of {checkpoint.Origin}, this store has {checkpoint.Size}: it is an old copy");
                    break;
                case HttpStatusCode.UnprocessableEntity:
                    throw new LedgerBrokenException($"witness {Witness.Name} has cosigned another history of {checkpoint.Origin} than this store's");
                default:
                    throw new UnavailableException($"witness {Witness.Name} answered {(int)status}");
            }
        }
        throw new UnavailableException($"witness {Witness.Name} is being told of two heads at once");
    }

    private async Task<(HttpStatusCode Status, string Body)> PostAsync(AddCheckpoint request, CancellationToken cancel)
    {
        try
        {
            using var content = new StringContent(request.ToString(), Encoding.UTF8, "text/plain");
            using var response = await http.PostAsync(new Uri("add-checkpoint", UriKind.Relative), content, cancel).ConfigureAwait(false);
            // As bytes: which character set the answer claims is not looked at, so none of its names can go wrong.
            return (response.StatusCode, Encoding.UTF8.GetString(await response.Content.ReadAsByteArrayAsync(cancel).ConfigureAwait(false)));
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            throw new UnavailableException($"witness {Witness.Name} does not answer", e);
        }
    }

    private long KnownSize(string body)
    {
        try
        {
            return OneSpelling.Decimal(body.AsSpan().TrimEnd('\n'), "the size that the witness knows");
        }
        catch (MalformedException e)
        {
            throw new UnavailableException($"witness {Witness.Name} does not speak tlog-witness", e);
        }
    }

    private NoteSignature Cosigned(SignedNote head, string body)
    {
        try
        {
            var answer = SignedNote.Parse($"{head.Text}\n{body}");
            if (answer.Text == head.Text && answer.Signatures.Count(Witness.Made) == 1 && answer.IsSignedBy(Witness)) return answer.Signatures.Single(Witness.Made);
        }
        catch (MalformedException)
        {
            // Same as an answer that does not verify.
        }
        throw new UnavailableException($"the answer of witness {Witness.Name} is not its cosignature");
    }
}
