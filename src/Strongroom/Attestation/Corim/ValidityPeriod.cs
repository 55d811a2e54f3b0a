using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Corim;

/// <summary>validity-map of CoRIM: {0: not before, optional; 1: not after}, each a time in seconds (CBOR tag 1).</summary>
internal sealed record ValidityPeriod(DateTimeOffset NotBefore, DateTimeOffset NotAfter)
{
    private const ulong EpochTime = 1;

    public bool Holds(DateTimeOffset at) => NotBefore <= at && at <= NotAfter;

    public override string ToString() => $"{Timestamp.Format(NotBefore)} to {Timestamp.Format(NotAfter)}";

    public static ValidityPeriod Parse(CborItem map)
    {
        map.Map("validity");
        return new(map.Find(0) is { } from ? Time(from) : DateTimeOffset.MinValue, Time(map.Find(1) ?? throw new MalformedException(-1, "a validity has an end")));
    }

    /// <summary>corim-meta-map: {0: signer, 1: validity of the signature, optional}.</summary>
    public static ValidityPeriod? OfMeta(CborItem meta)
    {
        meta.Map("corim-meta");
        (meta.Find(0) ?? throw new MalformedException(-1, "corim-meta names a signer")).Map("signer");
        return meta.Find(1) is { } validity ? Parse(validity) : null;
    }

    private static DateTimeOffset Time(CborItem item)
    {
        var seconds = (item.Tagged(EpochTime) ?? throw new MalformedException(-1, "a time has CBOR tag 1")).I64("a time");
        return seconds is >= -62_135_596_800 and <= 253_402_300_799 ? DateTimeOffset.FromUnixTimeSeconds(seconds) : throw new MalformedException(-1, "a time beyond any date");
    }
}
