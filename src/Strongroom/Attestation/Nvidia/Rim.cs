using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using System.Xml;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nvidia;

/// <summary>Which firmware a RIM speaks of.</summary>
internal enum RimRole
{
    Driver,
    Vbios,
}

/// <summary>The wanted values of one measurement, any of which will do. The index is NVIDIA's, from 0.</summary>
internal sealed record GoldenMeasurement(int Index, bool Active, IReadOnlyList<byte[]> Alternatives);

/// <summary>The reference values of one version of firmware, as somebody signed them. Comes out of <see cref="UnverifiedRim.Verified"/> only.</summary>
internal sealed record Rim(string Version, IReadOnlyDictionary<int, GoldenMeasurement> Measurements);

/// <summary>
/// A reference integrity manifest (TCG RIM in a SWID tag, ISO/IEC 19770-2) whose signature nobody has looked at. Its words serve to choose among RIMs; measurements come out
/// only with a signature. Both are read from the canonical bytes that the signature is of, never from the document.
/// </summary>
internal sealed partial class UnverifiedRim
{
    private const string Swid = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd";
    private const string Hash384 = "http://www.w3.org/2001/04/xmlenc#sha384";
    private const int MaxAlternatives = 64;

    private readonly SignedXml xml;
    private readonly Rim claimed;
    private readonly Lazy<X509Certificate2?> signer;

    private UnverifiedRim(SignedXml xml, string product, Rim claimed)
    {
        (this.xml, Product, this.claimed) = (xml, product, claimed);
        signer = new(() => xml.Certificates.FirstOrDefault(xml.IsSignedBy));
    }

    public string Product { get; }

    public string Version => claimed.Version;

    /// <summary>By the form of its version: a VBIOS has five pairs of hexadecimal digits, a driver decimal numbers.</summary>
    public RimRole Role => VbiosVersion().IsMatch(Version) ? RimRole.Vbios : RimRole.Driver;

    public IReadOnlyList<X509Certificate2> Certificates => xml.Certificates;

    [GeneratedRegex("^[0-9A-Fa-f]{2}(\\.[0-9A-Fa-f]{2}){4}$")]
    private static partial Regex VbiosVersion();

    /// <summary>The certificate that came along and whose key signed exactly what was read; null when none did. Whether it is NVIDIA's is another question.</summary>
    public X509Certificate2? Signer => signer.Value;

    /// <summary>Null unless <see cref="Signer"/> is there.</summary>
    public Rim? Verified => Signer is null ? null : claimed;

    /// <exception cref="MalformedException">No signed RIM in the form that NVIDIA's have.</exception>
    public static UnverifiedRim Parse(ReadOnlyMemory<byte> bytes)
    {
        var xml = SignedXml.Parse(bytes);
        var document = new XmlDocument { XmlResolver = null };
        using (var reader = XmlReader.Create(new MemoryStream(xml.Content), new() { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null })) document.Load(reader);
        var root = document.DocumentElement!;
        if (root.LocalName != "SoftwareIdentity" || root.NamespaceURI != Swid) throw new MalformedException(-1, "a RIM is a software identity tag");
        var meta = Only(root, "Meta");
        var measurements = new SortedDictionary<int, GoldenMeasurement>();
        foreach (var resource in Only(root, "Payload").ChildNodes.OfType<XmlElement>())
        {
            var golden = Golden(resource);
            if (!measurements.TryAdd(golden.Index, golden)) throw new MalformedException(-1, $"a RIM gives measurement {golden.Index} twice");
        }
        return new(xml, Word(meta, "product"), new(Word(meta, "colloquialVersion"), measurements));
    }

    private static GoldenMeasurement Golden(XmlElement resource)
    {
        if (resource.LocalName != "Resource" || resource.NamespaceURI != Swid || Word(resource, "type") != "Measurement")
            throw new MalformedException(-1, $"a RIM with {resource.Name} of the type {resource.GetAttribute("type")} asks for something that is not checked here");
        var size = Number(resource, "size", 1024);
        var count = Number(resource, "alternatives", MaxAlternatives);
        var hashes = resource.Attributes.Cast<XmlAttribute>().Where(each => each.NamespaceURI == Hash384).ToDictionary(each => each.LocalName, each => each.Value);
        if (count == 0 || hashes.Count != count) throw new MalformedException(-1, "a RIM names another number of alternatives than it gives");
        var active = Word(resource, "active") switch { "True" => true, "False" => false, var other => throw new MalformedException(-1, $"active is True or False, not {other}") };
        return new(Number(resource, "index", 254), active, [.. Enumerable.Range(0, count).Select(i => Value(hashes, $"Hash{i}", size))]);
    }

    private static byte[] Value(Dictionary<string, string> hashes, string name, int size)
    {
        if (!hashes.TryGetValue(name, out var hex) || hex.Length != 2 * size || hex.AsSpan().ContainsAnyExcept("0123456789abcdefABCDEF"))
            throw new MalformedException(-1, $"{name} is not {size} bytes in hexadecimal");
        return Convert.FromHexString(hex);
    }

    private static int Number(XmlElement element, string name, int max) =>
        int.TryParse(Word(element, name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= max ? number : throw new MalformedException(-1, $"{name} is a number up to {max}");

    private static string Word(XmlElement element, string name) =>
        element.GetAttribute(name) is { Length: > 0 } word ? word : throw new MalformedException(-1, $"{element.LocalName} in a RIM without {name}");

    private static XmlElement Only(XmlElement parent, string name)
    {
        var found = parent.ChildNodes.OfType<XmlElement>().Where(each => each.LocalName == name && each.NamespaceURI == Swid).Take(2).ToList();
        return found is [var only] ? only : throw new MalformedException(-1, $"a RIM has one {name}");
    }
}
