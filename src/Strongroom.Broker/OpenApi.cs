using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;

namespace Strongroom.Broker;

/// <summary>The document at <c>/openapi/v1.json</c>, which is also committed as docs/openapi.json: a change of the API shows in a review.</summary>
internal static class OpenApi
{
    public static void AddDocument(this IServiceCollection services) => services.AddOpenApi("v1", options =>
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new() { Title = "Strongroom broker", Version = "1", Description = "Releases keys of model weights; spec/release-protocol.md, docs/problems.md." };
            document.Servers = []; // the document is the same wherever it is served
            return Task.CompletedTask;
        });
        options.AddSchemaTransformer((schema, context, _) =>
        {
            Describe(schema, Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type);
            return Task.CompletedTask;
        });
    });

    /// <summary>Values with a spelling of their own, which the framework cannot see inside their converters.</summary>
    private static void Describe(OpenApiSchema schema, Type type)
    {
        if (type == typeof(Digest)) Text(schema, "A SHA-256 value", pattern: "^[0-9a-f]{64}$");
        else if (type == typeof(DateTimeOffset)) Text(schema, "RFC 3339, UTC, whole seconds", format: "date-time", pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$");
        else if (type == typeof(ReadOnlyMemory<byte>)) Text(schema, "Bytes in standard base64", format: "byte");
        else if (type == typeof(Ed25519PublicKey)) Text(schema, "An Ed25519 public key in standard base64", format: "byte");
        else if (type == typeof(HpkePublicKey)) Text(schema, "An HPKE public key: KEM, colon, standard base64", pattern: "^(x25519|p256):");
        else if (type == typeof(CanonicalDocument)) (schema.Type, schema.Description) = (JsonSchemaType.Object, "A JSON document with a format of its own");
    }

    private static void Text(OpenApiSchema schema, string description, string? format = null, string? pattern = null) =>
        (schema.Type, schema.Description, schema.Format, schema.Pattern) = (JsonSchemaType.String, description, format, pattern);
}
