using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nvidia;

/// <summary>
/// What the certificate of a device's attestation key says: which product it is, and which firmware runs (FWID, TCG DICE). The firmware's own predecessor, in ROM, made it,
/// with the key of the device that NVIDIA certified.
/// </summary>
internal sealed record DeviceCertificate(X509Certificate2 Certificate, string? Product, string? Serial, ReadOnlyMemory<byte>? Fwid)
{
    private const string AlternativeName = "2.5.29.17";
    private const string DmtfDevice = "1.3.6.1.4.1.412.274.1";
    private const string CompositeDeviceId = "2.23.133.5.4.1";
    private const string TcbInfo = "2.23.133.5.4.1.1";
    private const string Sha384 = "2.16.840.1.101.3.4.2.2";

    /// <summary>True for a certificate that speaks of firmware: the leaf of a device's chain, whichever else lies beside it.</summary>
    public static bool IsOne(X509Certificate2 certificate) => certificate.Extensions.Any(each => each.Oid?.Value is CompositeDeviceId or TcbInfo);

    /// <summary>Members that cannot be read are null: whoever needs them must refuse.</summary>
    public static DeviceCertificate Read(X509Certificate2 certificate)
    {
        var (product, serial) = Name(certificate);
        return new(certificate, product, serial, FwidOf(certificate));
    }

    /// <summary>hopper, blackwell or ls10, from the product's name: GH100, GB100, LS_10. Null for what is none of these.</summary>
    public static string? Architecture(string? product) => product switch
    {
        ['G', 'H', _, _, _] => "hopper",
        ['G', 'B', _, _, _] => "blackwell",
        "LS_10" or "LS10" => "ls10",
        _ => null,
    };

    /// <summary>The DMTF name in the alternative names (DSP0274 section 10.6.2): <c>NVIDIA:GH100:48B02D92494BADF4</c>.</summary>
    private static (string? Product, string? Serial) Name(X509Certificate2 certificate)
    {
        if (Only(certificate, AlternativeName) is not { } extension) return (null, null);
        try
        {
            var names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (names.HasData)
            {
                if (!names.PeekTag().HasSameClassAndValue(new(TagClass.ContextSpecific, 0)))
                {
                    names.ReadEncodedValue();
                    continue;
                }
                var other = names.ReadSequence(new(TagClass.ContextSpecific, 0));
                if (other.ReadObjectIdentifier() != DmtfDevice) continue;
                var parts = other.ReadSequence(new(TagClass.ContextSpecific, 0)).ReadCharacterString(UniversalTagNumber.UTF8String).Split(':');
                return parts is ["NVIDIA", var product, var serial] ? (product, serial) : (null, null);
            }
            return (null, null);
        }
        catch (AsnContentException)
        {
            return (null, null);
        }
    }

    /// <summary>Null where there is none, where there are two, or where it is not SHA-384.</summary>
    private static ReadOnlyMemory<byte>? FwidOf(X509Certificate2 certificate)
    {
        try
        {
            return (Only(certificate, CompositeDeviceId), Only(certificate, TcbInfo)) switch
            {
                ({ } composite, null) => FromComposite(composite.RawData),
                (null, { } info) => FromTcbInfo(info.RawData),
                _ => null,
            };
        }
        catch (AsnContentException)
        {
            return null;
        }
    }

    /// <summary>Hopper and its switches: SEQUENCE { version, key of the device, SEQUENCE { algorithm, FWID } }.</summary>
    private static ReadOnlyMemory<byte>? FromComposite(ReadOnlyMemory<byte> der)
    {
        var reader = new AsnReader(der, AsnEncodingRules.DER);
        var composite = reader.ReadSequence();
        reader.ThrowIfNotEmpty();
        composite.ReadInteger();
        composite.ReadEncodedValue();
        var fwid = OneFwid(composite.ReadSequence());
        composite.ThrowIfNotEmpty();
        return fwid;
    }

    /// <summary>Blackwell: DiceTcbInfo, whose member [6] lists FWIDs. The first is that of the firmware in charge; a second, all zero, stands for what is not there.</summary>
    private static ReadOnlyMemory<byte>? FromTcbInfo(ReadOnlyMemory<byte> der)
    {
        var reader = new AsnReader(der, AsnEncodingRules.DER);
        var info = reader.ReadSequence();
        reader.ThrowIfNotEmpty();
        ReadOnlyMemory<byte>? first = null;
        while (info.HasData)
        {
            if (!info.PeekTag().HasSameClassAndValue(new(TagClass.ContextSpecific, 6)))
            {
                info.ReadEncodedValue();
                continue;
            }
            var list = info.ReadSequence(new(TagClass.ContextSpecific, 6));
            first = OneFwid(list.ReadSequence());
            while (list.HasData)
            {
                if (OneFwid(list.ReadSequence()) is not { } more || more.Span.ContainsAnyExcept((byte)0)) return null;
            }
        }
        return first;
    }

    private static ReadOnlyMemory<byte>? OneFwid(AsnReader fwid)
    {
        var algorithm = fwid.ReadObjectIdentifier();
        var digest = fwid.ReadOctetString();
        fwid.ThrowIfNotEmpty();
        return algorithm == Sha384 && digest.Length == SHA384.HashSizeInBytes ? digest : (ReadOnlyMemory<byte>?)null; // a bare null would become an empty value
    }

    private static X509Extension? Only(X509Certificate2 certificate, string oid)
    {
        var found = certificate.Extensions.Where(each => each.Oid?.Value == oid).Take(2).ToList();
        return found is [var only] ? only : null;
    }
}
