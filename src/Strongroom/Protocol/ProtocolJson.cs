using System.Text.Json.Serialization;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Facts;

namespace Strongroom.Protocol;

/// <summary>How messages between broker and everybody else are written and read (spec/release-protocol.md): strictly, as records are.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    AllowOutOfOrderMetadataProperties = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(Timestamp)])]
[JsonSerializable(typeof(SignedCommand))]
[JsonSerializable(typeof(CommandReply))]
[JsonSerializable(typeof(ChallengeRequest))]
[JsonSerializable(typeof(Challenge))]
[JsonSerializable(typeof(EvidenceSubmission))]
[JsonSerializable(typeof(GrantReply))]
[JsonSerializable(typeof(PendingReply))]
[JsonSerializable(typeof(RenewalChallengeRequest))]
[JsonSerializable(typeof(RenewalChallenge))]
[JsonSerializable(typeof(RenewalReply))]
[JsonSerializable(typeof(LeaseEvent))]
[JsonSerializable(typeof(EnrolmentRequest))]
[JsonSerializable(typeof(EnrolmentChallenge))]
[JsonSerializable(typeof(MachineEnrolment))]
[JsonSerializable(typeof(MachineIdentity))]
[JsonSerializable(typeof(ModelUpload))]
[JsonSerializable(typeof(EndorsementUpload))]
[JsonSerializable(typeof(ReferenceUpload))]
[JsonSerializable(typeof(EndorsementsReply))]
[JsonSerializable(typeof(PersonName))]
[JsonSerializable(typeof(SignedRead))]
[JsonSerializable(typeof(ProblemReply))]
[JsonSerializable(typeof(HealthReply))]
[JsonSerializable(typeof(PolicyReply))]
[JsonSerializable(typeof(ExplanationReply))]
[JsonSerializable(typeof(RequestDetails))]
[JsonSerializable(typeof(ModelDetails))]
[JsonSerializable(typeof(ReferenceDetails))]
[JsonSerializable(typeof(MachineDetails))]
[JsonSerializable(typeof(IReadOnlyList<ModelDetails>))]
[JsonSerializable(typeof(IReadOnlyList<MachineDetails>))]
[JsonSerializable(typeof(IReadOnlyList<RequestDetails>))]
[JsonSerializable(typeof(IReadOnlyList<LeaseDetails>))]
[JsonSerializable(typeof(IReadOnlyList<PersonDetails>))]
[JsonSerializable(typeof(IReadOnlyList<ProposalDetails>))]
[JsonSerializable(typeof(IReadOnlyList<ReferenceDetails>))]
public sealed partial class ProtocolJson : JsonSerializerContext;
