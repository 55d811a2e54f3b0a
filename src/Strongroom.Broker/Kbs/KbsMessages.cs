using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Strongroom.Crypto;

namespace Strongroom.Broker.Kbs;

// The messages of RCAR 0.4.0 as Confidential Containers' guests send and read them, with their hyphens; spec/kbs.md. Read as strictly as our own.

/// <summary>The body of <c>POST /kbs/v0/auth</c>.</summary>
/// <param name="ExtraParams">Anything: nothing in it changes what happens here.</param>
internal sealed record KbsRequest(string Version, string Tee, [property: JsonPropertyName("extra-params")] JsonElement? ExtraParams = null)
{
    public const string ProtocolVersion = "0.4.0";
}

/// <param name="Nonce">Base64 of 32 bytes.</param>
/// <param name="ExtraParams">Empty: hashes are SHA-384, which is what a guest takes when nothing is said.</param>
internal sealed record KbsChallenge(string Nonce, [property: JsonPropertyName("extra-params")] string ExtraParams = "");

/// <summary>The body of <c>POST /kbs/v0/attest</c>.</summary>
/// <param name="InitData">Not read: its digest is among the claims (host_data, mrconfigid), and reference values compare it there.</param>
internal sealed record KbsAttestation(
    [property: JsonPropertyName("runtime-data")] KbsRuntimeData RuntimeData, [property: JsonPropertyName("tee-evidence")] KbsEvidence TeeEvidence,
    [property: JsonPropertyName("init-data")] JsonElement? InitData = null);

/// <param name="Nonce">The challenge's, to the letter.</param>
/// <param name="TeePubkey">A JWK (<see cref="JweKey"/>) that the guest made; the answer can be read with its private half alone.</param>
internal sealed record KbsRuntimeData(string Nonce, [property: JsonPropertyName("tee-pubkey")] JsonElement TeePubkey)
{
    /// <exception cref="Bytes.MalformedException">No key of a kind that is answered.</exception>
    public JweKey Key() => JweKey.Parse(Encoding.UTF8.GetBytes(TeePubkey.GetRawText()));
}

/// <param name="PrimaryEvidence">An object, as the guest's attester for its processor makes it.</param>
/// <param name="AdditionalEvidence">JSON in a string; empty where there are no devices.</param>
internal sealed record KbsEvidence(JsonElement PrimaryEvidence, string AdditionalEvidence);

/// <param name="Token">A JWT by its form; to us the name of the session.</param>
internal sealed record KbsToken(string Token);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, AllowDuplicateProperties = false, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(KbsRequest))]
[JsonSerializable(typeof(KbsChallenge))]
[JsonSerializable(typeof(KbsAttestation))]
[JsonSerializable(typeof(KbsToken))]
[JsonSerializable(typeof(GuestChallenge))]
[JsonSerializable(typeof(GuestClaims))]
[JsonSerializable(typeof(Jwe))]
internal sealed partial class KbsJson : JsonSerializerContext;
