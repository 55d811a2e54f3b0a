using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Strongroom.Broker.Kbs;
using Strongroom.Bytes;
using Strongroom.Protocol;

namespace Strongroom.Broker;

/// <summary>Bodies are read and written as <see cref="ProtocolJson"/> says: strictly.</summary>
internal static class Json
{
    public static void AddJson(this IServiceCollection services) => services.ConfigureHttpJsonOptions(json =>
    {
        var options = json.SerializerOptions;
        options.TypeInfoResolverChain.Insert(0, ProtocolJson.Default.WithAddedModifier(RequireType));
        options.TypeInfoResolverChain.Insert(1, KbsJson.Default);
        options.Converters.Add(new Timestamp());
        options.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        options.PropertyNameCaseInsensitive = false; // ASP.NET's default would take "Memory" for "memory"
        options.NumberHandling = JsonNumberHandling.Strict; // and "1" for 1
        options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        options.RespectNullableAnnotations = true;
        options.RespectRequiredConstructorParameters = true;
        options.AllowDuplicateProperties = false;
        options.AllowOutOfOrderMetadataProperties = true;
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
    });

    /// <summary>A command without its type is the sender's mistake; the reader would call it a type that is not supported, which is ours.</summary>
    private static void RequireType(JsonTypeInfo info)
    {
        if (info is { Type.IsAbstract: true, PolymorphismOptions: not null }) info.CreateObject = () => throw new JsonException("the type is missing");
    }
}
