using System.Text.Json;
using System.Text.Json.Nodes;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Ear;

/// <summary>What a claim of a vector comes to (draft-ietf-rats-ar4si section 2.3.2), worst last.</summary>
public enum TrustTier
{
    /// <summary>Nobody looked, or could not tell.</summary>
    None,
    Affirming,
    Warning,
    Contraindicated,
}

/// <summary>A trustworthiness vector: a number for each of the eight claims of AR4SI, 0 where nobody looked.</summary>
public sealed class TrustVector
{
    internal const int Affirmed = 2;

    /// <summary>In the order of draft-ietf-rats-ar4si section 2.3.4.</summary>
    public static IReadOnlyList<string> ClaimNames { get; } =
        ["instance-identity", "configuration", "executables", "file-system", "hardware", "runtime-opaque", "storage-opaque", "sourced-data"];

    private readonly IReadOnlyDictionary<string, int> values;

    internal TrustVector(IReadOnlyDictionary<string, int> values) => this.values = values;

    /// <summary>0 where the vector does not have the claim.</summary>
    public int this[string claim] => values.GetValueOrDefault(claim);

    /// <summary>The worst tier of the claims that were looked at; none where no claim was.</summary>
    public TrustTier Tier => ClaimNames.Max(claim => TierOf(this[claim]));

    public static TrustTier TierOf(int value) => value switch
    {
        >= 2 and <= 31 => TrustTier.Affirming,
        >= 32 and <= 95 => TrustTier.Warning,
        >= 96 and <= 127 or (>= -128 and <= -2) => TrustTier.Contraindicated, // negative ones are a verifier's own; none of them is good news here
        _ => TrustTier.None,
    };

    /// <exception cref="MalformedException">A claim that AR4SI does not have, or a value that is no signed byte.</exception>
    internal static TrustVector Parse(JsonElement vector)
    {
        if (vector.ValueKind != JsonValueKind.Object) throw new MalformedException(-1, "a trustworthiness vector is an object");
        return new(vector.EnumerateObject().ToDictionary(member => member.Name, member => ClaimNames.Contains(member.Name) && member.Value.ValueKind == JsonValueKind.Number && member.Value.TryGetSByte(out var value)
            ? (int)value : throw new MalformedException(-1, $"{member.Name} is no claim of a trustworthiness vector with a value of -128 to 127")));
    }

    internal JsonObject ToJson() => new(ClaimNames.Select(claim => KeyValuePair.Create(claim, (JsonNode?)this[claim])));
}
