using System.Text.Json;
using System.Text.Json.Serialization;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Protocol;

/// <summary>
/// Who speaks to which broker, and what proves that it is that broker: the file <c>strongroom.json</c> (spec/profile.md). Not secret; the key file
/// that it names is.
/// </summary>
/// <param name="Type">Always <see cref="Kind"/>.</param>
/// <param name="Broker">Address, <c>https://host:port</c>.</param>
/// <param name="BrokerKey">SHA-256 of the SubjectPublicKeyInfo of the broker's certificate: no authority's word counts instead.</param>
/// <param name="LedgerKey">The ledger's verifier key; its name is the ledger's origin.</param>
/// <param name="Witnesses">All must have cosigned whatever a proof stands on.</param>
/// <param name="Person">Who signs; absent in a profile that only reads what is public.</param>
/// <param name="Key">The person's key file; a relative path is relative to the profile.</param>
public sealed record ClientProfile(
    string Type, string Broker, Digest BrokerKey, VerifierKey LedgerKey, IReadOnlyList<VerifierKey> Witnesses, string? Person = null, string? Key = null)
{
    public const string Kind = "profile.v1";

    private static readonly ClientProfileJson Readable = new(new JsonSerializerOptions(ClientProfileJson.Default.Options) { WriteIndented = true });

    /// <summary>For people to read: one member a line.</summary>
    public byte[] ToBytes() => [.. JsonSerializer.SerializeToUtf8Bytes(this, Readable.ClientProfile), (byte)'\n'];

    /// <exception cref="MalformedException">Not this record, of another type, without a witness, or an address that is not https.</exception>
    public static ClientProfile Parse(ReadOnlySpan<byte> utf8)
    {
        var profile = CanonicalJson.Read(utf8, ClientProfileJson.Default.ClientProfile);
        if (profile.Type != Kind) throw new MalformedException(-1, $"its type is {profile.Type}, not {Kind}");
        if (profile.Witnesses.Count == 0) throw new MalformedException(-1, "it names no witness: a ledger that nobody witnesses proves nothing");
        if (!Uri.TryCreate(profile.Broker, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttps)
            throw new MalformedException(-1, $"broker is {profile.Broker}, not an https address");
        return profile;
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ClientProfile))]
internal sealed partial class ClientProfileJson : JsonSerializerContext;
