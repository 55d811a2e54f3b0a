using Strongroom.Broker.Kbs;
using Strongroom.Broker.Models;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Keys;
using Strongroom.Protocol;
using Strongroom.Sealing;

namespace Strongroom.Broker.Release;

/// <summary>The only code that unwraps a model key, and it takes nothing but a <see cref="KeyGrant"/>.</summary>
internal sealed class KeyRelease(KeyProvider custody, ModelShelf shelf, Journal journal, Table answers)
{
    /// <summary>The grant as the enclave gets it: given once, kept, and given again in the same bytes.</summary>
    /// <exception cref="UnavailableException">Custody is away, or the model's files are not on the shelf.</exception>
    public async Task<GrantReply> AnswerAsync(ReleaseGrant grant, CancellationToken cancel)
    {
        var sealedKeys = answers.Find(grant.Lease.Lease);
        if (sealedKeys is null)
        {
            var made = await SealAsync(grant, cancel);
            sealedKeys = answers.Add(grant.Lease.Lease, made) ? made : answers.Find(grant.Lease.Lease)!; // whoever kept it first is the one answer
        }
        return new(grant.Receipt.Entry, grant.Receipt.Proof, sealedKeys, grant.Decided.Development);
    }

    /// <summary>The same keys for a guest: a message that its key alone opens, made anew each time that it asks.</summary>
    /// <exception cref="UnavailableException">Custody is away, or the model's files are not on the shelf.</exception>
    public async Task<Jwe> AnswerAsync(GuestGrant grant, CancellationToken cancel)
    {
        using var keys = await KeysAsync(grant, cancel);
        return Jwe.Encrypt(grant.Decided.Transcript.TeeKey, grant.Resource, keys.Span);
    }

    /// <summary>The keys of the granted files, 32 bytes each in the manifest's order, readable by the enclave that the decision names and by it alone.</summary>
    private async Task<byte[]> SealAsync(ReleaseGrant grant, CancellationToken cancel)
    {
        using var keys = await KeysAsync(grant, cancel);
        return Hpke.Seal(grant.Decided.Transcript.HpkeKey, ReleaseDecided.HpkeInfo(grant.Receipt.LeafHash), [], keys.Span);
    }

    private async Task<Secret> KeysAsync(KeyGrant grant, CancellationToken cancel)
    {
        var (manifest, recipients) = shelf.Take(journal.State, grant.Model, grant.Version);
        using var modelKey = await custody.UnwrapModelKeyAsync(recipients, cancel);
        int[] files = [.. Enumerable.Range(0, manifest.Files.Count).Where(file => grant.Files?.Contains(manifest.Files[file].Name) ?? true)];
        var keys = new Secret(files.Length * ContentKeys.SizeInBytes);
        for (var i = 0; i < files.Length; i++)
        {
            using var key = ContentKeys.Derive(modelKey, manifest, files[i]);
            key.Span.CopyTo(keys.Span[(i * ContentKeys.SizeInBytes)..]);
        }
        return keys;
    }
}
