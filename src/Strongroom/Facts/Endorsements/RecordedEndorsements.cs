using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Facts;

/// <summary>A bundle of vendors' collateral as it lies beside the ledger, read. Immutable, and shared by all that is judged with it.</summary>
public sealed class RecordedEndorsements
{
    /// <summary>Longest bundle that is recorded, in bytes: reference values of many drivers, and room to spare.</summary>
    public const int MaxSizeInBytes = 16 * 1024 * 1024;

    private readonly EndorsementBundle bundle;
    private Ed25519PublicKey? signer; // an answer once found; whoever loses a race over it has found the same

    private RecordedEndorsements(EndorsementBundle bundle, Digest digest)
    {
        (this.bundle, Digest) = (bundle, digest);
        Endorsements = Endorsements.Read(bundle.Files.Select(file => (file.Name, (ReadOnlyMemory<byte>)file.Bytes)), bundle.Collected);
    }

    /// <summary>SHA-256 of the bundle.</summary>
    public Digest Digest { get; }

    public DateTimeOffset Collected => bundle.Collected;

    public Endorsements Endorsements { get; }

    /// <exception cref="MalformedException">No bundle, too long, or a file in it that cannot be used.</exception>
    public static RecordedEndorsements Read(ReadOnlyMemory<byte> bytes) => bytes.Length <= MaxSizeInBytes
        ? new(EndorsementBundle.Parse(bytes.Span), Digest.Of(bytes.Span))
        : throw new MalformedException(MaxSizeInBytes, $"a bundle on record has {MaxSizeInBytes} bytes at most");

    internal bool IsSignedBy(Ed25519PublicKey collector)
    {
        if (collector.Equals(signer)) return true;
        if (!bundle.IsSignedBy(collector)) return false;
        signer = collector;
        return true;
    }
}
