using System.Security.Cryptography;
using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Machines;

/// <summary>A machine that says who it is, checked as far as it can be before it answers (spec/evidence.md, Enrolment).</summary>
internal sealed class Enrolment
{
    private readonly string kind;
    private readonly byte[] attestationKey;
    private readonly byte[]? endorsement;
    private readonly byte[]? secret;

    private Enrolment(string kind, string machine, byte[] attestationKey, byte[]? endorsement = null, byte[]? secret = null, byte[]? credential = null) =>
        (this.kind, Machine, this.attestationKey, this.endorsement, this.secret, Credential) = (kind, machine, attestationKey, endorsement, secret, credential);

    public string Machine { get; }

    /// <summary>Opens only in the TPM that holds both the endorsement key and the attestation key; null for development.</summary>
    public ReadOnlyMemory<byte>? Credential { get; }

    /// <summary>The endorsement certificate, which the command names by its digest.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Blobs => endorsement is null ? [] : [endorsement];

    /// <exception cref="MalformedException">A key or certificate that is none.</exception>
    public static (Enrolment? Enrolment, IReadOnlyList<string> Reasons) From(EnrolmentRequest asked, LedgerState state, DateTimeOffset now) => asked.Kind switch
    {
        "development" when state.DevelopmentAllowed => Development(asked),
        "development" => (null, ["development evidence is accepted only under --danger-development-evidence"]),
        _ => (null, [$"there is no evidence of the kind {asked.Kind}"]),
    };

    /// <summary>Why the operator's command and the machine's answer do not belong to this enrolment; empty if they do.</summary>
    public IReadOnlyList<string> Refusals(EnrolMachine command, ReadOnlyMemory<byte>? answer)
    {
        var reasons = new List<string>();
        if (command.Kind != kind || command.Machine != Machine || !command.AttestationKey.Span.SequenceEqual(attestationKey)) reasons.Add("the command is signed for another machine than the one that was challenged");
        if (command.Endorsement != (endorsement is null ? null : Digest.Of(endorsement))) reasons.Add("the command is signed for another endorsement key");
        if (secret is not null && !CryptographicOperations.FixedTimeEquals(secret, (answer ?? default).Span)) reasons.Add("the answer is not what the credential held: the attestation key is not in that TPM");
        return reasons;
    }

    private static (Enrolment?, IReadOnlyList<string>) Development(EnrolmentRequest asked)
    {
        var key = Ed25519PublicKey.From(asked.AttestationKey.Span);
        return (new("development", EnrolledMachine.IdOf(key.Span), key.Span.ToArray()), []);
    }
}
