using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nitro;

/// <summary>What an attestation document is about.</summary>
internal enum NitroPlatform
{
    /// <summary>A Nitro enclave: <c>pcrs</c>.</summary>
    Enclave,

    /// <summary>A whole EC2 instance with a NitroTPM: <c>nitrotpm_pcrs</c>.</summary>
    Tpm,
}

/// <summary>An attestation document with its signature (AWS, Nitro Enclaves Attestation Process, sections 2.2 and 3.2). Members have their types; limits and meaning are for checks to judge.</summary>
internal sealed class NitroDocument
{
    /// <summary>Longest document that is read, signature and headers apart (section 3.1). It also bounds how many certificates anybody can have checked.</summary>
    public const int MaxSizeInBytes = 16_384;

    private static readonly string[] Members = ["module_id", "digest", "timestamp", "certificate", "cabundle", "public_key", "user_data", "nonce"];

    private NitroDocument(CoseSign1 message, CborItem document)
    {
        Message = message;
        ModuleId = Required(document, "module_id").Text("module_id");
        DigestName = Required(document, "digest").Text("digest");
        Timestamp = Required(document, "timestamp").U64("timestamp");
        var (enclave, tpm) = (document.Find("pcrs"), document.Find("nitrotpm_pcrs"));
        if (enclave is null == tpm is null) throw new MalformedException(-1, "the document has one of pcrs and nitrotpm_pcrs");
        Platform = enclave is null ? NitroPlatform.Tpm : NitroPlatform.Enclave;
        Pcrs = [.. (enclave ?? tpm)!.Map("pcrs").Select(entry => (entry.Key.U64("a PCR's index"), entry.Value.Bytes("a PCR"))).OrderBy(entry => entry.Item1)];
        Certificate = Required(document, "certificate").Bytes("certificate");
        Bundle = [.. Required(document, "cabundle").Array("cabundle").Select(each => each.Bytes("cabundle"))];
        PublicKey = Optional(document, "public_key");
        UserData = Optional(document, "user_data");
        Nonce = Optional(document, "nonce");
        var pcrs = Platform == NitroPlatform.Tpm ? "nitrotpm_pcrs" : "pcrs";
        Unknown = [.. document.Entries.Select(entry => entry.Key).Where(key => key.Kind != CborKind.Text || !Members.Append(pcrs).Contains(key.Text("key")))
            .Select(key => key.Kind == CborKind.Text ? key.Text("key") : Convert.ToHexStringLower(key.Encoded.Span))];
    }

    public CoseSign1 Message { get; }

    public string ModuleId { get; }

    /// <summary>Name of the hash of the PCRs.</summary>
    public string DigestName { get; }

    /// <summary>Milliseconds since 1970.</summary>
    public ulong Timestamp { get; }

    public NitroPlatform Platform { get; }

    /// <summary>In ascending order of their indices.</summary>
    public IReadOnlyList<(ulong Index, ReadOnlyMemory<byte> Value)> Pcrs { get; }

    /// <summary>DER.</summary>
    public ReadOnlyMemory<byte> Certificate { get; }

    /// <summary>DER each, root first.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Bundle { get; }

    public ReadOnlyMemory<byte>? PublicKey { get; }

    public ReadOnlyMemory<byte>? UserData { get; }

    public ReadOnlyMemory<byte>? Nonce { get; }

    /// <summary>Members that the specification does not have.</summary>
    public IReadOnlyList<string> Unknown { get; }

    /// <summary>When it was made; null where the number is beyond any date.</summary>
    public DateTimeOffset? Made => Timestamp <= (ulong)DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() ? DateTimeOffset.FromUnixTimeMilliseconds((long)Timestamp) : null;

    /// <param name="evidence">In any spelling that <see cref="NitroEnvelope"/> knows.</param>
    /// <exception cref="MalformedException">No attestation document.</exception>
    public static NitroDocument Parse(ReadOnlyMemory<byte> evidence)
    {
        var message = CoseSign1.Parse(NitroEnvelope.Open(evidence));
        if (message.Payload.Length > MaxSizeInBytes) throw new MalformedException(-1, $"an attestation document has {MaxSizeInBytes} bytes at most");
        var document = CborItem.Parse(message.Payload, CborForm.AnyOrder);
        document.Map("the document");
        return new(message, document);
    }

    private static CborItem Required(CborItem document, string member) => document.Find(member) ?? throw new MalformedException(-1, $"the document has no {member}");

    /// <summary>Modules write null for what the enclave did not give, against the specification's letter; both say that there is nothing.</summary>
    private static ReadOnlyMemory<byte>? Optional(CborItem document, string member) => document.Find(member) is { IsNull: false } item ? item.Bytes(member) : (ReadOnlyMemory<byte>?)null; // a bare null would become empty bytes
}
