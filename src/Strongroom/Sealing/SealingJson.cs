using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Sealing;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    AllowOutOfOrderMetadataProperties = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(Timestamp)])]
[JsonSerializable(typeof(FileIdentity.FileContext))]
[JsonSerializable(typeof(Manifest.Document))]
[JsonSerializable(typeof(Recipients.Document), TypeInfoPropertyName = "RecipientsDocument")]
[JsonSerializable(typeof(Recipients.WrapContext))]
internal sealed partial class SealingJson : JsonSerializerContext;
