using Strongroom.Bytes;

namespace Strongroom.Attestation.Tpm;

/// <summary>How a machine with a TPM introduces itself.</summary>
/// <param name="EndorsementCertificate">The TPM maker's certificate of its endorsement key, DER.</param>
/// <param name="Intermediates">Certificates between that one and a recorded root, DER.</param>
/// <param name="AttestationKey">TPM2B_PUBLIC of the key that will sign quotes.</param>
public sealed record TpmIntroduction(byte[] EndorsementCertificate, IReadOnlyList<byte[]> Intermediates, byte[] AttestationKey)
{
    public const int MaxIntermediates = 8;
}

/// <summary>
/// A machine whose introduction passed every check but the last. That the attestation key lives in the TPM that the certificate speaks of is shown by that
/// TPM alone: it opens the challenge only if it holds both keys.
/// </summary>
public sealed class TpmEnrolment
{
    /// <summary>How long a challenge waits for its answer.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    private readonly EndorsementKey endorsement;
    private readonly TpmPublic key;

    private TpmEnrolment(EndorsementKey endorsement, TpmPublic key) =>
        (this.endorsement, this.key, Machine, AttestationKey) = (endorsement, key, EnrolledMachine.IdOf(key.Name()), key.ToBytes());

    /// <summary>Id that the machine will have.</summary>
    public string Machine { get; }

    public ReadOnlyMemory<byte> AttestationKey { get; }

    /// <summary>The enrolment of a machine; null, with every reason numbered as in spec/evidence.md, "Enrolment", when it cannot be enrolled.</summary>
    /// <param name="introduction">What the machine sent.</param>
    /// <param name="roots">Certificates of TPM makers that two people recorded, DER.</param>
    /// <param name="now">The broker's clock.</param>
    /// <param name="reasons">Empty on success.</param>
    /// <exception cref="MalformedException">A certificate or the key cannot be read.</exception>
    public static TpmEnrolment? Check(TpmIntroduction introduction, IEnumerable<ReadOnlyMemory<byte>> roots, DateTimeOffset now, out IReadOnlyList<string> reasons)
    {
        ArgumentNullException.ThrowIfNull(introduction);
        if (introduction.Intermediates.Count > TpmIntroduction.MaxIntermediates)
            throw new MalformedException(-1, $"more than {TpmIntroduction.MaxIntermediates} intermediate certificates");
        var found = new List<string>();
        reasons = found;
        var key = TpmPublic.Parse(introduction.AttestationKey);
        foreach (var refusal in Tpm.AttestationKey.Refusals(key)) found.Add($"E7 attestation key: {refusal}");
        var endorsement = EndorsementKey.Check(
            introduction.EndorsementCertificate, introduction.Intermediates.Select(der => (ReadOnlyMemory<byte>)der), roots, now, found);
        return found.Count == 0 && endorsement is not null ? new(endorsement, key) : null;
    }

    /// <summary>What the machine must open: who returns the secret in time holds both keys.</summary>
    /// <param name="secret"><see cref="TpmCredential.MaxSecretInBytes"/> bytes that nobody else can know.</param>
    public TpmCredential Challenge(ReadOnlySpan<byte> secret) => TpmCredential.Make(endorsement, key.Name(), secret);
}
