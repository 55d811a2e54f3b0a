using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Xml;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Nvidia;

/// <summary>
/// XML that carries its own signature (XML Signature 1.1), in the one form that NVIDIA's RIMs have: one Signature, a child of the document element; one reference, to the
/// whole document (<c>URI=""</c>), through the enveloped-signature transform and Canonical XML 1.1; SHA-384; ECDSA P-384. Whatever else the standard allows (other algorithms,
/// references by id, XPath, XSLT, objects inside the signature) is refused before anything is computed, so nothing can be signed in one place and read in another.
/// </summary>
internal sealed class SignedXml
{
    public const int MaxSizeInBytes = 4 * 1024 * 1024;

    private const int MaxCertificates = 8;
    private const string Dsig = "http://www.w3.org/2000/09/xmldsig#";
    private const string Enveloped = Dsig + "enveloped-signature";
    private const string C14n11 = "http://www.w3.org/2006/12/xml-c14n11";
    private const string EcdsaSha384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384";
    private const string Sha384 = "http://www.w3.org/2001/04/xmldsig-more#sha384";

    private readonly byte[] signedInfo;
    private readonly byte[] signature;
    private readonly bool digestHolds;

    private SignedXml(byte[] content, byte[] signedInfo, byte[] digest, byte[] signature, IReadOnlyList<X509Certificate2> certificates)
    {
        (Content, Certificates, this.signedInfo, this.signature) = (content, certificates, signedInfo, signature);
        digestHolds = CryptographicOperations.FixedTimeEquals(SHA384.HashData(content), digest);
    }

    /// <summary>The bytes that the digest is of: the document without its signature, in canonical form. To be read only after <see cref="IsSignedBy"/>, except to tell documents apart.</summary>
    public byte[] Content { get; }

    /// <summary>That came inside the signature; nothing protects them, so they must lead to a pinned root.</summary>
    public IReadOnlyList<X509Certificate2> Certificates { get; }

    public bool IsSignedBy(X509Certificate2 signer)
    {
        if (!digestHolds) return false;
        try
        {
            using var key = signer.GetECDsaPublicKey();
            return key is { KeySize: 384 } && key.VerifyData(signedInfo, signature, HashAlgorithmName.SHA384, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        catch (CryptographicException) // a certificate that parses and whose key is no point of its curve
        {
            return false;
        }
    }

    /// <exception cref="MalformedException">Not XML in UTF-8, with a DTD, or signed in any other form.</exception>
    public static SignedXml Parse(ReadOnlyMemory<byte> bytes)
    {
        var root = Load(bytes).DocumentElement!;
        var signatures = root.GetElementsByTagName("Signature", Dsig).Cast<XmlElement>().Take(2).ToList();
        if (signatures is not [var signature] || signature.ParentNode != root) throw new MalformedException(-1, "a RIM has one signature, right below its document element");
        RequireUniqueIds(root);
        var parts = Children(signature, "SignedInfo", "SignatureValue", "KeyInfo");
        var info = Children(parts[0], "CanonicalizationMethod", "SignatureMethod", "Reference");
        RequireAlgorithm(info[0], C14n11);
        RequireAlgorithm(info[1], EcdsaSha384);
        var reference = info[2];
        if (!reference.HasAttribute("URI") || reference.GetAttribute("URI").Length != 0) throw new MalformedException(-1, "a RIM's signature is of the whole document");
        var how = Children(reference, "Transforms", "DigestMethod", "DigestValue");
        var transforms = Children(how[0], "Transform", "Transform");
        RequireAlgorithm(transforms[0], Enveloped);
        RequireAlgorithm(transforms[1], C14n11);
        RequireAlgorithm(how[1], Sha384);
        var data = Children(parts[2], "X509Data")[0].ChildNodes.OfType<XmlElement>().Take(MaxCertificates + 1).ToList();
        if (data.Count is 0 or > MaxCertificates) throw new MalformedException(-1, $"a RIM brings 1 to {MaxCertificates} certificates");
        var certificates = data.Select(Certificate).ToList();
        return new(CanonicalXml.Write(root, signature), CanonicalXml.Write(parts[0]), Base64(how[2]), Base64(parts[1]), certificates);
    }

    private static XmlDocument Load(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length > MaxSizeInBytes) throw new MalformedException(MaxSizeInBytes, $"a RIM has {MaxSizeInBytes} bytes at most");
        try
        {
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes.Span).TrimStart('\uFEFF');
            var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, MaxCharactersInDocument = MaxSizeInBytes };
            using (var depths = XmlReader.Create(new StringReader(text), settings))
            {
                while (depths.Read())
                {
                    if (depths.Depth > CanonicalXml.MaxDepth) throw new MalformedException(-1, "a RIM is not nested so deeply");
                    if (depths.NodeType == XmlNodeType.XmlDeclaration && !IsUtf8(depths.GetAttribute("encoding"))) throw new MalformedException(-1, "a RIM is in UTF-8");
                    if (depths.NodeType == XmlNodeType.ProcessingInstruction) throw new MalformedException(-1, "a RIM has no processing instructions");
                }
            }
            using var reader = XmlReader.Create(new StringReader(text), settings);
            var document = new XmlDocument { PreserveWhitespace = true, XmlResolver = null };
            document.Load(reader);
            return document;
        }
        catch (Exception e) when (e is XmlException or DecoderFallbackException)
        {
            throw new MalformedException(-1, $"no XML that is read here: {e.Message}");
        }
    }

    private static bool IsUtf8(string? encoding) => encoding is null || encoding.Equals("utf-8", StringComparison.OrdinalIgnoreCase) || encoding.Equals("us-ascii", StringComparison.OrdinalIgnoreCase);

    /// <summary>Exactly these elements of XML Signature, in this order.</summary>
    private static XmlElement[] Children(XmlElement parent, params ReadOnlySpan<string> names)
    {
        var found = parent.ChildNodes.OfType<XmlElement>().ToArray();
        if (found.Length != names.Length) throw new MalformedException(-1, $"{parent.LocalName} has {names.Length} members here");
        for (var i = 0; i < names.Length; i++)
        {
            if (found[i].LocalName != names[i] || found[i].NamespaceURI != Dsig) throw new MalformedException(-1, $"{parent.LocalName} has {names[i]} here, not {found[i].Name}");
        }
        return found;
    }

    private static void RequireAlgorithm(XmlElement element, string algorithm)
    {
        if (element.GetAttribute("Algorithm") != algorithm || element.ChildNodes.OfType<XmlElement>().Any())
            throw new MalformedException(-1, $"{element.LocalName} is {algorithm} here, without parameters, not {element.GetAttribute("Algorithm")}");
    }

    /// <summary>No reference here goes by id; two elements of one name are still nobody's honest document.</summary>
    private static void RequireUniqueIds(XmlElement root)
    {
        HashSet<string> ids = [];
        foreach (var element in root.GetElementsByTagName("*").Cast<XmlElement>().Prepend(root))
        {
            foreach (XmlAttribute each in element.Attributes)
            {
                if (each.LocalName.Equals("id", StringComparison.OrdinalIgnoreCase) && !ids.Add(each.Value)) throw new MalformedException(-1, $"two elements have the id {each.Value}");
            }
        }
    }

    private static X509Certificate2 Certificate(XmlElement element)
    {
        if (element.LocalName != "X509Certificate" || element.NamespaceURI != Dsig) throw new MalformedException(-1, "a RIM's key is given by certificates");
        try
        {
            return X509CertificateLoader.LoadCertificate(Base64(element));
        }
        catch (CryptographicException)
        {
            throw new MalformedException(-1, "a certificate in a RIM cannot be read");
        }
    }

    private static byte[] Base64(XmlElement element)
    {
        try
        {
            return Convert.FromBase64String(element.InnerText);
        }
        catch (FormatException)
        {
            throw new MalformedException(-1, $"{element.LocalName} is not base64");
        }
    }
}
