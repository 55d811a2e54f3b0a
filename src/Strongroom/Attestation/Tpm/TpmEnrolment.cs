using System.Security.Cryptography;
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
/// One enrolment under way, held by the broker between its challenge and the machine's answer. That the attestation key lives in the TPM that the
/// certificate speaks of is shown by that TPM alone: it opens the challenge only if it holds both keys.
/// </summary>
public sealed class TpmEnrolment : IDisposable
{
    /// <summary>How long a challenge waits for its answer.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    private readonly Secret secret;
    private bool answered;

    private TpmEnrolment(EndorsementKey endorsement, TpmPublic key, DateTimeOffset now)
    {
        secret = Secret.Random(TpmCredential.MaxSecretInBytes);
        Machine = EnrolledMachine.IdOf(key.Name());
        AttestationKey = key.ToBytes();
        Expires = now + Lifetime;
        Credential = TpmCredential.Make(endorsement, key.Name(), secret.Span);
    }

    /// <summary>Id that the machine will have.</summary>
    public string Machine { get; }

    public ReadOnlyMemory<byte> AttestationKey { get; }

    public DateTimeOffset Expires { get; }

    /// <summary>What the machine must open.</summary>
    public TpmCredential Credential { get; }

    /// <summary>A challenge for the machine; null, with every reason numbered as in spec/evidence.md, "Enrolment", when it cannot be enrolled.</summary>
    /// <param name="introduction">What the machine sent.</param>
    /// <param name="roots">Certificates of TPM makers that two people recorded, DER.</param>
    /// <param name="now">The broker's clock.</param>
    /// <param name="reasons">Empty on success.</param>
    /// <exception cref="MalformedException">A certificate or the key cannot be read.</exception>
    public static TpmEnrolment? Challenge(TpmIntroduction introduction, IEnumerable<ReadOnlyMemory<byte>> roots, DateTimeOffset now, out IReadOnlyList<string> reasons)
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
        return found.Count == 0 && endorsement is not null ? new(endorsement, key, now) : null;
    }

    /// <summary>Whether the machine opened the challenge in time. The first answer is the only one: a wrong one is no better than none.</summary>
    public bool Complete(ReadOnlySpan<byte> answer, DateTimeOffset now)
    {
        if (answered) return false;
        answered = true;
        var opened = CryptographicOperations.FixedTimeEquals(answer, secret.Span) && now < Expires;
        secret.Dispose();
        return opened;
    }

    public void Dispose()
    {
        answered = true;
        secret.Dispose();
    }
}
