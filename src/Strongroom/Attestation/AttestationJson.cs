using System.Text.Json.Serialization;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Composite;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;

namespace Strongroom.Attestation;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(Timestamp)])]
[JsonSerializable(typeof(CompositeEvidence))]
[JsonSerializable(typeof(Kbs.GuestEvidence))]
[JsonSerializable(typeof(DevelopmentEvidence))]
[JsonSerializable(typeof(EnclaveStart))]
[JsonSerializable(typeof(EndorsementBundle))]
[JsonSerializable(typeof(IReadOnlyList<EnclaveStart>))]
[JsonSerializable(typeof(MachineIdentity))]
[JsonSerializable(typeof(Measurement))]
[JsonSerializable(typeof(TpmEvidence))]
internal sealed partial class AttestationJson : JsonSerializerContext;
