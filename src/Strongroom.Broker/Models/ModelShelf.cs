using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Sealing;

namespace Strongroom.Broker.Models;

/// <summary>Manifests and wrapped model keys, each under the digest that the ledger knows it by. Sealed files never come here.</summary>
internal sealed class ModelShelf(Table table)
{
    public void Put(ReadOnlyMemory<byte> manifest, Digest modelDigest, ReadOnlyMemory<byte> recipients)
    {
        table.Put($"manifest {modelDigest}", manifest.ToArray());
        table.Put($"recipients {Digest.Of(recipients.Span)}", recipients.ToArray());
    }

    public byte[]? Manifest(Digest modelDigest) => table.Find($"manifest {modelDigest}");

    /// <summary>What the ledger knows as this version, checked against it.</summary>
    /// <exception cref="UnavailableException">The table was lost or changed: restore it; nothing can be released meanwhile.</exception>
    public (Manifest Manifest, Recipients Recipients) Take(LedgerState state, string model, long version)
    {
        var command = state.Models.Find(model, version)!.Command;
        var manifest = Sealing.Manifest.Parse(Require(Manifest(command.ModelDigest), model, version));
        var bytes = Require(table.Find($"recipients {command.RecipientsDigest}"), model, version);
        return manifest.ModelDigest == command.ModelDigest && Digest.Of(bytes) == command.RecipientsDigest
            ? (manifest, Recipients.Parse(bytes, command.ModelDigest))
            : throw new UnavailableException($"models.db holds something else than {model} version {version}");
    }

    private static byte[] Require(byte[]? found, string model, long version) =>
        found ?? throw new UnavailableException($"models.db has no {model} version {version}: restore it");
}
