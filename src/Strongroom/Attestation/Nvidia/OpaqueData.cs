using System.Buffers;
using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nvidia;

/// <summary>What NVIDIA's devices add to their measurements, under the same signature: fields of a type, a size and a value, little-endian, each type once.</summary>
internal sealed class OpaqueData
{
    public const int DriverVersion = 3;
    public const int VbiosVersion = 6;
    public const int Nvdec0Status = 11;
    public const int ChipSku = 15;
    public const int Project = 17;
    public const int ProjectSku = 18;
    public const int Fwid = 20;
    public const int ProtectedPcieStatus = 21;
    public const int Pdis = 22;
    public const int LockStatus = 25;
    public const int SwitchGpuPdis = 26;
    public const int DataVersion = 34;
    public const int FeatureFlag = 36;
    public const int PdiSizeInBytes = 8;
    private const int GpusAtASwitch = 8;

    private readonly SortedDictionary<int, ReadOnlyMemory<byte>> fields;

    private OpaqueData(SortedDictionary<int, ReadOnlyMemory<byte>> fields) => this.fields = fields;

    public IReadOnlyDictionary<int, ReadOnlyMemory<byte>> Fields => fields;

    /// <summary>The bytes of a field; null where the device does not say.</summary>
    public ReadOnlyMemory<byte>? this[int type] => fields.TryGetValue(type, out var value) ? value : (ReadOnlyMemory<byte>?)null; // a bare null would become an empty value

    public static OpaqueData Parse(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes.Span);
        SortedDictionary<int, ReadOnlyMemory<byte>> fields = [];
        while (reader.Remaining > 0)
        {
            var type = reader.U16Little("the type of an opaque field");
            var size = reader.U16Little("the size of an opaque field");
            var value = bytes.Slice(reader.Offset, reader.Bytes(size, "an opaque field").Length);
            if (!fields.TryAdd(type, value)) throw new MalformedException(reader.Offset, $"opaque field {type} is said twice");
        }
        return new(fields);
    }

    private static readonly SearchValues<byte> Plain = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"u8);

    /// <summary>
    /// Letters, digits, dots, hyphens and underscores, ended by zero bytes or not; null where the device does not say, or with anything else: the text becomes a claim, whose
    /// expected values have separators.
    /// </summary>
    public string? Text(int type)
    {
        if (this[type] is not { } value) return null;
        var text = value.Span.TrimEnd((byte)0);
        return text.IsEmpty || text.ContainsAnyExcept(Plain) ? null : Encoding.ASCII.GetString(text);
    }

    /// <summary>A GPU writes its VBIOS version 96.00.9f.00.00 as 00 9f 00 96 and the last byte after that, in a field of twice 4 bytes; a switch writes it as text.</summary>
    public string? Vbios()
    {
        if (this[VbiosVersion] is not { Length: 8 } value) return Text(VbiosVersion)?.ToUpperInvariant();
        var bytes = value.Span;
        return $"{bytes[3]:X2}.{bytes[2]:X2}.{bytes[1]:X2}.{bytes[0]:X2}.{bytes[4]:X2}";
    }

    /// <summary>The switch's own permanent id; null where it does not say.</summary>
    public string? SwitchId() => this[Pdis] is { Length: PdiSizeInBytes } value ? Convert.ToHexStringLower(value.Span) : null;

    /// <summary>The switches behind each of a GPU's links, as the switches write their ids: a GPU writes them with the last byte first. Empty where it names none.</summary>
    public IReadOnlyList<string> SwitchIds() => this[Pdis] is { } value && value.Length % PdiSizeInBytes == 0 ? Ids(value, value.Length / PdiSizeInBytes, lastByteFirst: true) : [];

    /// <summary>The GPUs at a switch: always eight ids, after which one byte for each port says which of them it leads to. Empty where the switch names none.</summary>
    public IReadOnlyList<string> GpuIds() => this[SwitchGpuPdis] is { Length: >= GpusAtASwitch * PdiSizeInBytes } value ? Ids(value, GpusAtASwitch, lastByteFirst: false) : [];

    private static string[] Ids(ReadOnlyMemory<byte> bytes, int count, bool lastByteFirst) => [.. Enumerable.Range(0, count).Select(i =>
    {
        var id = bytes.Slice(i * PdiSizeInBytes, PdiSizeInBytes).ToArray();
        if (lastByteFirst) Array.Reverse(id);
        return Convert.ToHexStringLower(id);
    })];

    /// <summary>A port with nothing behind it names all ones or all zeros.</summary>
    public static bool IsDevice(string id) => id.AsSpan().ContainsAnyExcept('f') && id.AsSpan().ContainsAnyExcept('0');

    /// <summary>How GPUs are tied together: spt, mpt or ppcie; null for a number that means none of these.</summary>
    public string? Mode()
    {
        if (this[FeatureFlag] is { } flag)
        {
            var rest = flag.Length > 1 ? flag.Span[1..] : [];
            if (flag.Length is < 1 or > 8 || rest.ContainsAnyExcept((byte)0)) return null;
            return flag.Span[0] switch { 0 => "spt", 1 => "mpt", 2 => "ppcie", _ => null };
        }
        // Drivers before the feature flag say only whether the bus is protected by PPCIE.
        return this[ProtectedPcieStatus] is not { } status ? "spt" : status.Span switch { [Off] => "spt", [On] => "ppcie", _ => null };
    }

    /// <summary>What a byte means that says yes or no: neither 0 nor 1, so that no single fault turns one into the other.</summary>
    public const byte On = 0xAA;

    public const byte Off = 0x55;
}
