using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>Makes one version of a sealed model known. Manifest and recipients go to the broker beside it; the sealed files stay where they are.</summary>
/// <param name="Version">Higher than every version of the model before it.</param>
/// <param name="Publisher">Name of a recorded publisher, whose key signed the manifest; name and key the same for all versions of a model.</param>
/// <param name="ModelDigest">SHA-256 of the manifest without its signature (spec/sealed-model.md).</param>
/// <param name="ManifestDigest">SHA-256 of the manifest as its publisher signed it, the blob of which lies beside the ledger.</param>
/// <param name="RecipientsDigest">SHA-256 of the recipients file as it was handed in.</param>
public sealed record AddModel(
    string Ledger, string Id, string By, DateTimeOffset At, string Model, long Version, string Publisher, Digest ModelDigest, Digest ManifestDigest,
    Digest RecipientsDigest)
    : Command(Ledger, Id, By, At);
