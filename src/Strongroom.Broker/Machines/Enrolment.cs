using Strongroom.Attestation;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Machines;

/// <summary>A machine that says who it is, checked as far as it can be before it answers (spec/evidence.md, Enrolment).</summary>
internal sealed class Enrolment
{
    private readonly string kind;
    private readonly ReadOnlyMemory<byte> attestationKey;
    private readonly ReadOnlyMemory<byte>? certificate;
    private readonly TpmEnrolment? tpm;

    private Enrolment(string kind, string machine, ReadOnlyMemory<byte> attestationKey, TpmEnrolment? tpm = null, ReadOnlyMemory<byte>? certificate = null) =>
        (this.kind, Machine, this.attestationKey, this.tpm, this.certificate) = (kind, machine, attestationKey, tpm, certificate);

    public string Machine { get; }

    /// <summary>Opens only in the TPM that holds both the endorsement key and the attestation key; null for development.</summary>
    public ReadOnlyMemory<byte>? Credential => tpm is null ? null : (byte[])[.. tpm.Credential.IdObject, .. tpm.Credential.EncryptedSeed];

    /// <summary>The endorsement certificate, which the command names by its digest.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Blobs => certificate is { } der ? [der] : [];

    /// <exception cref="MalformedException">A key or certificate that is none.</exception>
    public static (Enrolment? Enrolment, IReadOnlyList<string> Reasons) From(EnrolmentRequest asked, LedgerState state, DateTimeOffset now) => asked.Kind switch
    {
        "tpm" => Tpm(asked, state, now),
        "development" when state.DevelopmentAllowed => Development(asked),
        "development" => (null, ["development evidence is accepted only under --danger-development-evidence"]),
        _ => (null, [$"there is no evidence of the kind {asked.Kind}"]),
    };

    /// <summary>Why the operator's command and the machine's answer do not belong to this enrolment; empty if they do. Ask once: an answer is a try.</summary>
    public IReadOnlyList<string> Refusals(EnrolMachine command, ReadOnlyMemory<byte>? answer, DateTimeOffset now)
    {
        var reasons = new List<string>();
        if (command.Kind != kind || command.Machine != Machine || !command.AttestationKey.Span.SequenceEqual(attestationKey.Span))
            reasons.Add("the command is signed for another machine than the one that was challenged");
        if (command.Endorsement is { } endorsement ? certificate is not { } der || Digest.Of(der.Span) != endorsement : certificate is not null)
            reasons.Add("the command is signed for another endorsement certificate");
        if (tpm is not null && !tpm.Complete((answer ?? default).Span, now))
            reasons.Add("the answer is not what the credential held, or came too late: the attestation key was not shown to be in that TPM");
        return reasons;
    }

    private static (Enrolment?, IReadOnlyList<string>) Tpm(EnrolmentRequest asked, LedgerState state, DateTimeOffset now)
    {
        if (asked.EndorsementCertificates is not [var certificate, ..]) return (null, ["a TPM is enrolled with its endorsement key's certificate"]);
        var introduction = new TpmIntroduction(certificate.ToArray(), [.. asked.EndorsementCertificates.Skip(1).Select(der => der.ToArray())], asked.AttestationKey.ToArray());
        var roots = state.Access.Roots.Values.Where(root => root.Kind == "tpm-ek").Select(root => root.Certificate);
        return TpmEnrolment.Challenge(introduction, roots, now, out var reasons) is { } tpm
            ? (new("tpm", tpm.Machine, tpm.AttestationKey, tpm, certificate), [])
            : (null, reasons);
    }

    private static (Enrolment?, IReadOnlyList<string>) Development(EnrolmentRequest asked)
    {
        var key = Ed25519PublicKey.From(asked.AttestationKey.Span);
        return (new("development", EnrolledMachine.IdOf(key.Span), key.Span.ToArray()), []);
    }
}
