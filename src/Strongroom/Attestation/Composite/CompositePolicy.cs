using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Strongroom.Attestation.Nvidia;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Composite;

/// <summary>What a caller wants of a whole machine: the policy of each of its parts, and how many there are.</summary>
/// <remarks>Members are set, not initialised: generated JSON code would overwrite the default of an init-only member that the text leaves out.</remarks>
internal sealed record CompositePolicy
{
    private const int MaxSizeInBytes = 1024 * 1024;

    /// <summary>NVLink in the clear is accepted here and nowhere else: check 6 sees to it that the switches which it passes are attested too.</summary>
    private static readonly byte[] StrictGpu = """{"modes":["spt","mpt","ppcie"]}"""u8.ToArray();

    /// <summary>Of the processor's kind.</summary>
    public JsonElement? Cpu { get; set; }

    /// <summary>Of nvidia-gpu; for every GPU.</summary>
    public JsonElement? Gpu { get; set; }

    /// <summary>Of nvidia-switch; for every switch.</summary>
    public JsonElement? Switch { get; set; }

    /// <summary>How many GPUs there must be; null: the caller counts.</summary>
    public int? Gpus { get; set; }

    /// <summary>How many switches there must be; null: the caller counts.</summary>
    public int? Switches { get; set; }

    /// <param name="json">Empty for the strict built-in one.</param>
    /// <exception cref="MalformedException">No policy of a machine, or of its devices; that of its processor is read by whoever appraises that.</exception>
    public static CompositePolicy Read(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty) return new();
        if (json.Length > MaxSizeInBytes) throw new MalformedException(MaxSizeInBytes, $"a policy has {MaxSizeInBytes} bytes at most");
        try
        {
            var policy = JsonSerializer.Deserialize(json, CompositeJson.Default.CompositePolicy) ?? throw new MalformedException(-1, "a policy is an object");
            if (policy.Gpus is < 0 or > CompositeEvidence.MaxDevices || policy.Switches is < 0 or > CompositeEvidence.MaxDevices)
                throw new MalformedException(-1, $"gpus and switches are 0 to {CompositeEvidence.MaxDevices}");
            NvidiaPolicy.Read(policy.OfDevice(NvidiaKind.Gpu.Name).Span); // a policy must make sense even where no such device is there
            NvidiaPolicy.Read(policy.OfDevice(NvidiaKind.Switch.Name).Span);
            return policy;
        }
        catch (JsonException e)
        {
            throw new MalformedException(e.BytePositionInLine ?? -1, $"no policy for a machine: {e.Message}");
        }
    }

    public static JsonObject Strict() => new()
    {
        ["cpu"] = new JsonObject(),
        ["gpu"] = WithoutNulls(NvidiaPolicy.Read(StrictGpu).ToJson()),
        ["switch"] = WithoutNulls(new NvidiaPolicy().ToJson()),
        ["gpus"] = null,
        ["switches"] = null,
    };

    public ReadOnlyMemory<byte> OfCpu() => Bytes(Cpu);

    public ReadOnlyMemory<byte> OfDevice(string kind) => kind == NvidiaKind.Switch.Name ? Bytes(Switch) : Gpu is null ? StrictGpu : Bytes(Gpu);

    private static ReadOnlyMemory<byte> Bytes(JsonElement? policy) => policy is { } some ? Encoding.UTF8.GetBytes(some.GetRawText()) : default;

    private static JsonObject WithoutNulls(JsonObject policy) => new(policy.Where(member => member.Value is not null).Select(member => KeyValuePair.Create(member.Key, (JsonNode?)member.Value!.DeepClone())));
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(CompositePolicy))]
internal sealed partial class CompositeJson : JsonSerializerContext;
