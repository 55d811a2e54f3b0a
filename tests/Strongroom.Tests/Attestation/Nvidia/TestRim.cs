using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Xml;
using Strongroom.Attestation.Nvidia;

namespace Strongroom.Tests.Attestation.Nvidia;

/// <summary>A RIM in the form of NVIDIA's, with each part that an attacker would want to change.</summary>
internal sealed record TestRim
{
    public const string Dsig = "http://www.w3.org/2000/09/xmldsig#";

    public string Version { get; init; } = "550.90.07";
    public string Product { get; init; } = "GH100";
    public SortedDictionary<int, string[]> Measurements { get; init; } = [];
    public string Attributes { get; init; } = "";
    public string Inside { get; init; } = "";
    public string Prolog { get; init; } = "";
    public string SignedInfo { get; init; } =
        $"""<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2006/12/xml-c14n11"/><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"/><ds:Reference URI=""><ds:Transforms><ds:Transform Algorithm="{Dsig}enveloped-signature"/><ds:Transform Algorithm="http://www.w3.org/2006/12/xml-c14n11"/></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#sha384"/><ds:DigestValue>DIGEST</ds:DigestValue></ds:Reference>""";

    /// <summary>Made with our own canonical form; that it is everybody's is shown by NVIDIA's RIMs and by xmlsec1.</summary>
    public string Sign(ECDsa key, params IEnumerable<X509Certificate2> certificates)
    {
        var body = Body();
        var digest = Convert.ToBase64String(SHA384.HashData(CanonicalXml.Write(Load(body))));
        var chain = string.Concat(certificates.Select(each => $"<ds:X509Certificate>{Convert.ToBase64String(each.RawData, Base64FormattingOptions.InsertLineBreaks)}</ds:X509Certificate>"));
        var signature = $"""<ds:Signature xmlns:ds="{Dsig}"><ds:SignedInfo>{SignedInfo.Replace("DIGEST", digest, StringComparison.Ordinal)}</ds:SignedInfo><ds:SignatureValue>VALUE</ds:SignatureValue><ds:KeyInfo><ds:X509Data>{chain}</ds:X509Data></ds:KeyInfo></ds:Signature></SoftwareIdentity>""";
        var whole = body.Replace("</SoftwareIdentity>", signature, StringComparison.Ordinal);
        var info = (XmlElement)Load(whole).GetElementsByTagName("SignedInfo", Dsig)[0]!;
        return whole.Replace("VALUE", Convert.ToBase64String(key.SignData(CanonicalXml.Write(info), HashAlgorithmName.SHA384)), StringComparison.Ordinal);
    }

    public static XmlElement Load(string xml)
    {
        var document = new XmlDocument { PreserveWhitespace = true, XmlResolver = null };
        using var reader = XmlReader.Create(new StringReader(xml), new() { DtdProcessing = DtdProcessing.Parse, XmlResolver = null });
        document.Load(reader);
        return document.DocumentElement!;
    }

    private string Body()
    {
        var text = new StringBuilder(Prolog);
        text.Append(CultureInfo.InvariantCulture, $"""<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd" xmlns:ns0="http://standards.iso.org/iso/19770/-2/2015/schema.xsd" xmlns:ns2="http://www.w3.org/2001/04/xmlenc#sha384" corpus="false" name="{Product}" tagId="t" version="1.0" tagVersion="0"{Attributes}>""");
        text.Append(CultureInfo.InvariantCulture, $"""

                <ns0:Entity name="Test" role="softwareCreator tagCreator"/>
                <ns0:Meta xmlns:ns1="https://trustedcomputinggroup.org/rim/" colloquialVersion="{Version}" edition="GPU" product="{Product}" ns1:BindingSpec="RIMIM"/>
                <ns0:Payload xmlns:SHA384="http://www.w3.org/2001/04/xmlenc#sha384">
            """);
        foreach (var (index, values) in Measurements)
        {
            var hashes = string.Join(' ', values.Select((value, i) => $"ns2:Hash{i}=\"{value}\""));
            text.Append(CultureInfo.InvariantCulture, $"""<ns0:Resource type="Measurement" index="{index}" active="True" alternatives="{values.Length}" {hashes} name="Measurement_{index}" size="48"/>""").Append('\n');
        }
        return text.Append("</ns0:Payload>").Append(Inside).Append("\n</SoftwareIdentity>").ToString();
    }
}
