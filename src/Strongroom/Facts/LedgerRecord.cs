using System.Text.Json.Serialization;
using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>
/// One entry of the ledger: canonical JSON with a type name (spec/records.md). Records are for ever: a new meaning gets a new type name, no type is
/// ever edited, and a type that this software does not know is refused, never skipped.
/// </summary>
/// <param name="At">When the broker wrote it, whole seconds UTC by the broker's clock; never earlier than the record before it.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type", UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization)]
[JsonDerivedType(typeof(Genesis), "genesis.v1")]
[JsonDerivedType(typeof(CommandRecord), "command.v1")]
[JsonDerivedType(typeof(CommandRefused), "command/refused.v1")]
[JsonDerivedType(typeof(ReleaseDecided), "release/decided.v1")]
[JsonDerivedType(typeof(RenewalDecided), "renewal/decided.v1")]
[JsonDerivedType(typeof(GuestDecided), "kbs/decided.v1")]
public abstract record LedgerRecord(DateTimeOffset At)
{
    /// <summary>C2SP tlog-tiles: an entry bundle writes the length of an entry in 16 bits.</summary>
    public const int MaxBytes = 65_535;

    /// <summary>SHA-256 of each large thing that the record speaks of and that lies beside the ledger.</summary>
    [JsonIgnore]
    public IReadOnlyList<Digest> Blobs => this switch
    {
        Decided { Measurement: { } measurement } decided => [decided.Evidence, measurement],
        Decided decided => [decided.Evidence],
        CommandRecord written => Enclosures.Of(written.Command),
        _ => [],
    };

    /// <exception cref="MalformedException">Not canonical, unknown in type or member, or longer than <see cref="MaxBytes"/>.</exception>
    public static LedgerRecord Parse(ReadOnlySpan<byte> entry) => CanonicalJson.Parse(entry, FactsJson.Default.LedgerRecord, MaxBytes);

    /// <summary>
    /// As <see cref="Parse"/>, for bytes that are shown to be the ledger's own by the root that it signed: they were written by <see cref="ToEntry"/>, and are
    /// not written once more to see whether they have another spelling, which costs more than all the rest of a start.
    /// </summary>
    /// <exception cref="MalformedException">No record, unknown in type or member, or longer than <see cref="MaxBytes"/>.</exception>
    public static LedgerRecord ReadProved(ReadOnlySpan<byte> entry) => CanonicalJson.Read(entry, FactsJson.Default.LedgerRecord, MaxBytes);

    /// <summary>The entry's bytes.</summary>
    /// <exception cref="RefusedException">They would not fit into an entry.</exception>
    public byte[] ToEntry()
    {
        var entry = CanonicalJson.Serialize(this, FactsJson.Default.LedgerRecord);
        return entry.Length <= MaxBytes ? entry : throw new RefusedException($"the record has {entry.Length} bytes, {MaxBytes} at most fit into the ledger");
    }
}

/// <summary>A person's signed command, as the rules accepted it at this place in the ledger.</summary>
public sealed record CommandRecord(DateTimeOffset At, Command Command, ReadOnlyMemory<byte> Signature) : LedgerRecord(At)
{
    [JsonIgnore]
    public SignedCommand AsSigned => new(Command, Signature);
}
