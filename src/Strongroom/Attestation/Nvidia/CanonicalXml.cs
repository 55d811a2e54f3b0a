using System.Text;
using System.Text.RegularExpressions;
using System.Xml;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nvidia;

/// <summary>
/// Canonical XML 1.1 without comments (W3C, 2 May 2008) of an element and all below it, in UTF-8. It differs from 1.0 in what an element that is taken out of its document
/// inherits: <c>xml:lang</c> and <c>xml:space</c>, never <c>xml:id</c>; a document whose <c>xml:base</c> would have to be joined is refused, and so are processing instructions:
/// no RIM has either.
/// </summary>
internal sealed partial class CanonicalXml
{
    /// <summary>Nothing that is nested deeper is read, so nothing recurses deeper.</summary>
    public const int MaxDepth = 32;

    private const string Xmlns = "http://www.w3.org/2000/xmlns/";
    private const string Xml = "http://www.w3.org/XML/1998/namespace";

    private readonly StringBuilder text = new();
    private readonly XmlElement? without;

    private CanonicalXml(XmlElement? without) => this.without = without;

    [GeneratedRegex("^[A-Za-z][A-Za-z0-9+.-]*:")]
    private static partial Regex Scheme();

    /// <param name="apex">What to write.</param>
    /// <param name="without">An element below it to leave out, as the enveloped-signature transform does.</param>
    /// <exception cref="MalformedException">A processing instruction, <c>xml:base</c> around the apex, a relative namespace name.</exception>
    public static byte[] Write(XmlElement apex, XmlElement? without = null)
    {
        var canonical = new CanonicalXml(without);
        canonical.Element(apex, new SortedDictionary<string, string>(StringComparer.Ordinal), isApex: true);
        return Encoding.UTF8.GetBytes(canonical.text.ToString());
    }

    private void Element(XmlElement element, SortedDictionary<string, string> rendered, bool isApex)
    {
        text.Append('<').Append(element.Name);
        rendered = Namespaces(element, rendered, isApex);
        foreach (var (name, value) in Attributes(element, isApex)) Attribute(name, value);
        text.Append('>');
        foreach (XmlNode child in element.ChildNodes)
        {
            if (child == without) continue;
            switch (child)
            {
                case XmlElement below: Element(below, rendered, isApex: false); break;
                case XmlText or XmlCDataSection or XmlWhitespace or XmlSignificantWhitespace: Text(child.Value!); break;
                case XmlComment: break;
                default: throw new MalformedException(-1, $"XML with a {child.NodeType} is not signed here");
            }
        }
        text.Append("</").Append(element.Name).Append('>');
    }

    /// <summary>Writes the namespaces that are new here, the default one first, and returns all that are known below.</summary>
    private SortedDictionary<string, string> Namespaces(XmlElement element, SortedDictionary<string, string> rendered, bool isApex)
    {
        var fresh = new SortedDictionary<string, string>(ByBytes.Order);
        for (XmlNode? node = element; node is XmlElement declaring; node = isApex ? node.ParentNode : null)
        {
            foreach (XmlAttribute each in declaring.Attributes)
            {
                if (each.NamespaceURI != Xmlns) continue;
                var prefix = each.Prefix.Length == 0 ? "" : each.LocalName;
                if (each.Value.Length > 0 && !Scheme().IsMatch(each.Value)) throw new MalformedException(-1, $"the namespace {each.Value} is relative");
                if (prefix != "xml") fresh.TryAdd(prefix, each.Value); // the nearest declaration counts
            }
        }
        if (fresh.Count == 0) return rendered;
        var known = new SortedDictionary<string, string>(rendered, StringComparer.Ordinal);
        foreach (var (prefix, name) in fresh)
        {
            if (known.TryGetValue(prefix, out var before) ? before == name : prefix.Length == 0 && name.Length == 0) continue;
            known[prefix] = name;
            Attribute(prefix.Length == 0 ? "xmlns" : $"xmlns:{prefix}", name);
        }
        return known;
    }

    private static IEnumerable<(string Name, string Value)> Attributes(XmlElement element, bool isApex)
    {
        var attributes = element.Attributes.Cast<XmlAttribute>().Where(each => each.NamespaceURI != Xmlns).ToList();
        for (var node = isApex ? element.ParentNode : null; node is XmlElement around; node = node.ParentNode)
        {
            foreach (XmlAttribute each in around.Attributes)
            {
                if (each.NamespaceURI != Xml) continue;
                if (each.LocalName == "base") throw new MalformedException(-1, "XML with xml:base is not signed here");
                if (each.LocalName is "lang" or "space" && attributes.All(own => own.Name != each.Name)) attributes.Add(each);
            }
        }
        return attributes.OrderBy(each => each.NamespaceURI, ByBytes.Order).ThenBy(each => each.LocalName, ByBytes.Order).Select(each => (each.Name, each.Value));
    }

    private void Attribute(string name, string value)
    {
        text.Append(' ').Append(name).Append("=\"");
        foreach (var c in value)
        {
            _ = c switch
            {
                '&' => text.Append("&amp;"),
                '<' => text.Append("&lt;"),
                '"' => text.Append("&quot;"),
                '\t' => text.Append("&#x9;"),
                '\n' => text.Append("&#xA;"),
                '\r' => text.Append("&#xD;"),
                _ => text.Append(c),
            };
        }
        text.Append('"');
    }

    private void Text(string value)
    {
        foreach (var c in value)
        {
            _ = c switch
            {
                '&' => text.Append("&amp;"),
                '<' => text.Append("&lt;"),
                '>' => text.Append("&gt;"),
                '\r' => text.Append("&#xD;"),
                _ => text.Append(c),
            };
        }
    }

    /// <summary>By code points, which is the order of UTF-8; that of UTF-16 differs beyond the basic plane.</summary>
    private sealed class ByBytes : IComparer<string>
    {
        public static ByBytes Order { get; } = new();

        public int Compare(string? x, string? y) => Encoding.UTF8.GetBytes(x!).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(y!));
    }
}
