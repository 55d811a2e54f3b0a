using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>How records are written and read: strictly. A member unknown, missing, repeated or null is malformed.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    AllowOutOfOrderMetadataProperties = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(Timestamp)])]
[JsonSerializable(typeof(LedgerRecord))]
[JsonSerializable(typeof(Command))]
[JsonSerializable(typeof(SignedCommand))]
[JsonSerializable(typeof(Founding))]
[JsonSerializable(typeof(Transcript))]
[JsonSerializable(typeof(RenewalTranscript))]
[JsonSerializable(typeof(EnrolmentTranscript))]
[JsonSerializable(typeof(GuestTranscript))]
[JsonSerializable(typeof(Configuration))]
public sealed partial class FactsJson : JsonSerializerContext;
