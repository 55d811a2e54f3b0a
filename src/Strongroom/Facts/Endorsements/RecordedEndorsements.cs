using Strongroom.Attestation;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Composite;
using Strongroom.Attestation.Kbs;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Facts;

/// <summary>A bundle of vendors' collateral as it lies beside the ledger, read. Immutable, and shared by all that is judged with it.</summary>
public sealed class RecordedEndorsements
{
    /// <summary>Longest bundle that is recorded, in bytes: reference values of many drivers, and room to spare.</summary>
    public const int MaxSizeInBytes = 16 * 1024 * 1024;

    private readonly EndorsementBundle? bundle;
    private readonly VendorRoots roots;
    private Ed25519PublicKey? signer; // an answer once found; whoever loses a race over it has found the same

    private RecordedEndorsements(Digest? digest, EndorsementBundle? bundle, Endorsements endorsements, VendorRoots roots) =>
        (Digest, this.bundle, Endorsements, this.roots) = (digest, bundle, endorsements, roots);

    /// <summary>Nothing is on record.</summary>
    public static RecordedEndorsements None { get; } = new(null, null, Endorsements.None, VendorRoots.Pinned);

    /// <summary>SHA-256 of the bundle; null for none.</summary>
    public Digest? Digest { get; }

    public Endorsements Endorsements { get; }

    internal DateTimeOffset? Collected => bundle?.Collected;

    /// <exception cref="MalformedException">No bundle, too long, or a file in it that cannot be used.</exception>
    public static RecordedEndorsements Read(ReadOnlyMemory<byte> bytes) => Read(bytes, VendorRoots.Pinned);

    /// <param name="bytes">Of the bundle.</param>
    /// <param name="roots">Whom evidence is judged under together with these: test vendors, in tests; nobody else has a choice.</param>
    internal static RecordedEndorsements Read(ReadOnlyMemory<byte> bytes, VendorRoots roots)
    {
        if (bytes.Length > MaxSizeInBytes) throw new MalformedException(MaxSizeInBytes, $"a bundle on record has {MaxSizeInBytes} bytes at most");
        var bundle = EndorsementBundle.Parse(bytes.Span);
        return new(Bytes.Digest.Of(bytes.Span), bundle, Endorsements.Read(bundle.Files.Select(file => (file.Name, (ReadOnlyMemory<byte>)file.Bytes)), bundle.Collected), roots);
    }

    /// <exception cref="UnavailableException">These are not what is on record: who decided on the one might not have on the other.</exception>
    internal void Require(LedgerState state)
    {
        if (Digest != state.Endorsements.Latest?.Digest) throw new UnavailableException("other endorsements were put on record meanwhile: ask again");
    }

    /// <summary>As <see cref="EvidenceVerifier.For(string, DangerousEvidence, Endorsements?)"/>, with these.</summary>
    internal EvidenceVerifier Verifier(string kind, DangerousEvidence allowed) => EvidenceVerifier.For(kind, allowed, Endorsements, roots);

    /// <summary>As <see cref="TeeEnrolment.Check(string, ReadOnlyMemory{byte}, Digest, Endorsements, DateTimeOffset)"/>, with these.</summary>
    public TeeEnrolment Enrolment(string kind, ReadOnlyMemory<byte> evidence, Digest transcript, DateTimeOffset now) => TeeEnrolment.Check(kind, evidence, transcript, Endorsements, now, roots);

    /// <summary>As <see cref="GuestVerifier.Check(string, ReadOnlySpan{byte}, JweKey, ReadOnlyMemory{byte}, Endorsements, DateTimeOffset)"/>, with these.</summary>
    internal TeeEnrolment Guest(string tee, ReadOnlySpan<byte> nonce, JweKey key, ReadOnlyMemory<byte> evidence, DateTimeOffset now) =>
        GuestVerifier.Check(tee, nonce, key, evidence, Endorsements, now, roots);

    /// <summary>
    /// Lists of revoked certificates that these would put back: who collected later did not always get what is newer. Lists of one source are counted, since a vendor
    /// may keep two that nothing tells apart; one that is past its time when these are collected may be left out.
    /// </summary>
    internal IEnumerable<string> PutBack(RecordedEndorsements before)
    {
        foreach (var known in before.Endorsements.RevocationLists)
        {
            if (known.NextUpdate is { } end && end <= Collected) continue;
            if (AsNewAs(known) < before.AsNewAs(known))
                yield return $"a list of revoked certificates by {known.Issuer.Name} of {Timestamp.Format(known.ThisUpdate)} is on record, and the bundle has none as new: what was revoked would count again";
        }
    }

    private int AsNewAs(RevocationList known) =>
        Endorsements.RevocationLists.Where(list => list.IsOfTheSource(known) && list.ThisUpdate >= known.ThisUpdate).DistinctBy(list => list.Content).Count();

    internal bool IsSignedBy(Ed25519PublicKey collector)
    {
        if (collector.Equals(signer)) return true;
        if (bundle?.IsSignedBy(collector) != true) return false;
        signer = collector;
        return true;
    }
}
