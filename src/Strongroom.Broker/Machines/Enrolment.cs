using System.Text.Json.Serialization;
using Strongroom.Attestation;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Machines;

/// <summary>A machine that says who it is: what its challenge is bound to until it answers (spec/evidence.md, Enrolment).</summary>
/// <param name="Certificates">tpm: the endorsement key's certificate and those above it, DER, checked when the challenge was given.</param>
internal sealed record Enrolment(string Kind, string Machine, ReadOnlyMemory<byte> AttestationKey, IReadOnlyList<ReadOnlyMemory<byte>>? Certificates = null)
{
    /// <summary>Real ones have one or two KiB each; the challenge carries them, and has to fit into the answer's body.</summary>
    private const int MaxCertificatesSizeInBytes = 24 * 1024;

    /// <summary>The endorsement certificate and those above it; the command names them by their digests.</summary>
    [JsonIgnore]
    public IReadOnlyList<ReadOnlyMemory<byte>> Blobs => Certificates ?? [];

    /// <summary>Who may be challenged, checked as far as that can be done before it answers. With a TPM comes the way to challenge it.</summary>
    /// <exception cref="MalformedException">A key or certificate that is none.</exception>
    public static (Enrolment? Enrolment, TpmEnrolment? Tpm, IReadOnlyList<string> Reasons) From(EnrolmentRequest asked, LedgerState state, DateTimeOffset now) => asked.Kind switch
    {
        "tpm" => FromTpm(asked, state, now),
        "development" when state.DevelopmentAllowed => (Development(KeyOf(asked)), null, []),
        "development" => (null, null, ["development evidence is accepted only under --danger-development-evidence"]),
        _ => (null, null, [$"there is no evidence of the kind {asked.Kind}"]),
    };

    /// <summary>Why the operator's command is not for the machine that was challenged; empty if it is.</summary>
    public IEnumerable<string> Refusals(EnrolMachine command)
    {
        if (command.Kind != Kind || command.Machine != Machine || !command.AttestationKey.Span.SequenceEqual(AttestationKey.Span))
            yield return "the command is signed for another machine than the one that was challenged";
        if (!Blobs.Select(der => Digest.Of(der.Span)).SequenceEqual(Enclosures.CertificatesOf(command)))
            yield return "the command is signed for other certificates than those that the machine sent";
    }

    private static (Enrolment?, TpmEnrolment?, IReadOnlyList<string>) FromTpm(EnrolmentRequest asked, LedgerState state, DateTimeOffset now)
    {
        if (asked.EndorsementCertificates is not [var certificate, ..]) return (null, null, ["a TPM is enrolled with its endorsement key's certificate"]);
        if (asked.EndorsementCertificates.Sum(der => der.Length) > MaxCertificatesSizeInBytes)
            throw new MalformedException(-1, $"an endorsement key's certificate and those above it have {MaxCertificatesSizeInBytes} bytes at most");
        var introduction = new TpmIntroduction(certificate.ToArray(), [.. asked.EndorsementCertificates.Skip(1).Select(der => der.ToArray())], KeyOf(asked).ToArray());
        return TpmEnrolment.Check(introduction, state.Access.EndorsementRoots, now, out var reasons) is { } tpm
            ? (new("tpm", tpm.Machine, tpm.AttestationKey, asked.EndorsementCertificates), tpm, [])
            : (null, null, reasons);
    }

    private static ReadOnlyMemory<byte> KeyOf(EnrolmentRequest asked) => asked.AttestationKey ?? throw new MalformedException(-1, "the attestation key is missing");

    private static Enrolment Development(ReadOnlyMemory<byte> attestationKey)
    {
        var key = Ed25519PublicKey.From(attestationKey.Span);
        return new("development", EnrolledMachine.IdOf(key.Span), key.Span.ToArray());
    }
}

/// <summary>How a challenge carries an enrolment.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Enrolment))]
internal sealed partial class EnrolmentJson : JsonSerializerContext;
