using System.Text.Json;
using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Protocol;

/// <summary>The file <c>broker.json</c> of a broker's directory (spec/broker-directory.md): canonical JSON, written once by <c>init</c>.</summary>
/// <param name="Type">Always <see cref="Kind"/>.</param>
/// <param name="Origin">The ledger's name (C2SP tlog-checkpoint), for instance <c>example.org/strongroom</c>.</param>
/// <param name="Listen">Address and port of the TLS listener, for instance <c>127.0.0.1:7440</c>.</param>
/// <param name="Witnesses">At least one: a broker without a witness could show each reader another ledger, so it does not start.</param>
/// <param name="Custody">Where the key lives that unwraps model keys, a KeyProvider URI; a relative path is relative to the directory.</param>
/// <param name="DangerDevelopmentEvidence">Present, and true, only where software may stand in for a TPM.</param>
public sealed record BrokerConfiguration(
    string Type, string Origin, string Listen, IReadOnlyList<WitnessAddress> Witnesses, string Custody, bool? DangerDevelopmentEvidence = null)
{
    public const string Kind = "broker.v1";

    public byte[] ToBytes() => CanonicalJson.Serialize(this, BrokerConfigurationJson.Default.BrokerConfiguration);

    /// <exception cref="MalformedException">Not canonical, of another type, or without a witness.</exception>
    public static BrokerConfiguration Parse(ReadOnlySpan<byte> utf8)
    {
        var configuration = CanonicalJson.Parse(utf8, BrokerConfigurationJson.Default.BrokerConfiguration);
        if (configuration.Type != Kind) throw new MalformedException(-1, $"the type of broker.json is {configuration.Type}, not {Kind}");
        if (configuration.Witnesses.Count == 0) throw new MalformedException(-1, "broker.json names no witness: a ledger that nobody witnesses proves nothing");
        return configuration;
    }
}

/// <param name="Url">Where the witness listens (C2SP tlog-witness), without <c>/add-checkpoint</c>.</param>
/// <param name="Key">The witness's verifier key (C2SP signed-note), the pin.</param>
public sealed record WitnessAddress(string Url, string Key)
{
    /// <summary>
    /// Why nobody should talk to a witness there; null if one may. A cosignature cannot be forged, but over plain http anybody on the way can answer that
    /// the witness has seen more than this ledger, and stop the broker for good: http is for a witness on this machine alone.
    /// </summary>
    public string? Refusal() =>
        !Uri.TryCreate(Url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") ? $"{Url} is no http or https address"
        : uri.Scheme == "http" && !uri.IsLoopback ? $"{Url} is a witness on another machine over plain http: use https"
        : null;
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, AllowDuplicateProperties = false,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(BrokerConfiguration))]
internal sealed partial class BrokerConfigurationJson : JsonSerializerContext;
