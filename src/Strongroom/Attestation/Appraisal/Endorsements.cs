using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Appraisal;

/// <summary>A document of a vendor that is no certificate and no list: JSON (Intel's TCB info and identities), XML (NVIDIA's RIMs), or a DER value (OCSP responses). Nothing of it is verified.</summary>
/// <param name="Name">Of the file, for messages.</param>
/// <param name="Bytes">As they came.</param>
public sealed record EndorsementDocument(string Name, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>Whether an ASCII word stands in it anywhere, in small or capital letters: for documents that cannot be read and may still be the ones that are needed.</summary>
    internal bool Mentions(string word) => word.Length > 0
        && (Bytes.Span.IndexOf(Encoding.ASCII.GetBytes(word.ToLowerInvariant())) >= 0 || Bytes.Span.IndexOf(Encoding.ASCII.GetBytes(word.ToUpperInvariant())) >= 0 || Bytes.Span.IndexOf(Encoding.ASCII.GetBytes(word)) >= 0);
}

/// <summary>A document that wants to be an endorsement of some kind, and cannot be read.</summary>
internal sealed record BrokenDocument(EndorsementDocument Document, string Reason);

/// <summary>What a caller has of endorsements (RFC 9334 section 8.2), whatever the files are called: each is recognised by its content. Nothing is verified by having one.</summary>
public sealed class Endorsements
{
    private const int MaxFiles = 4096;
    private const int MaxFileSizeInBytes = 16 * 1024 * 1024;

    private Endorsements()
    {
    }

    public static Endorsements None { get; } = new();

    public IReadOnlyList<X509Certificate2> Certificates { get; private init; } = [];

    public IReadOnlyList<RevocationList> RevocationLists { get; private init; } = [];

    public IReadOnlyList<EndorsementDocument> Json { get; private init; } = [];

    public IReadOnlyList<EndorsementDocument> Xml { get; private init; } = [];

    /// <summary>DER that is neither a certificate nor a revocation list.</summary>
    public IReadOnlyList<EndorsementDocument> Der { get; private init; } = [];

    /// <summary>Files that are none of these.</summary>
    public IReadOnlyList<string> Unrecognised { get; private init; } = [];

    /// <summary>When somebody whom the caller trusts got them from the vendors; null where nobody says.</summary>
    public DateTimeOffset? Collected { get; private init; }

    /// <summary>
    /// How old an endorsement is: since its vendor issued it, or, where that is later, since it was collected, for then it was still the newest. A collection that
    /// lies in the future is somebody's mistake and does not count.
    /// </summary>
    internal TimeSpan AgeOf(DateTimeOffset issued, DateTimeOffset at) => at - (Collected is { } collected && collected > issued && collected <= at ? collected : issued);

    /// <param name="files">Names are for messages only.</param>
    /// <param name="collected">See <see cref="Collected"/>.</param>
    /// <exception cref="MalformedException">Too many, too long, or a PEM block that is broken.</exception>
    public static Endorsements Read(IEnumerable<(string Name, ReadOnlyMemory<byte> Bytes)> files, DateTimeOffset? collected = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        var sorted = new Sorted();
        var count = 0;
        foreach (var (name, bytes) in files)
        {
            if (++count > MaxFiles) throw new MalformedException(-1, $"{MaxFiles} files of endorsements at most");
            if (bytes.Length > MaxFileSizeInBytes) throw new MalformedException(MaxFileSizeInBytes, $"{name} is longer than an endorsement can be");
            sorted.Add(name, bytes);
        }
        return new()
        {
            Certificates = sorted.Certificates, RevocationLists = sorted.Lists, Json = sorted.Json, Xml = sorted.Xml, Der = sorted.Der, Unrecognised = sorted.Unrecognised, Collected = collected,
        };
    }

    /// <summary>Certificates of a PEM text or of one DER value; empty where there is none.</summary>
    internal static IReadOnlyList<X509Certificate2> ReadCertificates(ReadOnlyMemory<byte> bytes)
    {
        var sorted = new Sorted();
        sorted.Add("", bytes);
        return sorted.Certificates;
    }

    private sealed class Sorted
    {
        public List<X509Certificate2> Certificates { get; } = [];

        public List<RevocationList> Lists { get; } = [];

        public List<EndorsementDocument> Json { get; } = [];

        public List<EndorsementDocument> Xml { get; } = [];

        public List<EndorsementDocument> Der { get; } = [];

        public List<string> Unrecognised { get; } = [];

        public void Add(string name, ReadOnlyMemory<byte> bytes)
        {
            var text = bytes.Span.TrimStart(" \t\r\n\u00ef\u00bb\u00bf"u8);
            if (text is [(byte)'{' or (byte)'[', ..]) Json.Add(new(name, bytes)); // before PEM: collateral in one JSON has PEM in its strings
            else if (bytes.Span.IndexOf("-----BEGIN "u8) >= 0) AddPem(name, bytes.Span);
            else if (text is [(byte)'<', ..]) Xml.Add(new(name, bytes));
            else if (IsOneDerValue(bytes.Span)) AddDer(name, bytes);
            else Unrecognised.Add(name);
        }

        private void AddPem(string name, ReadOnlySpan<byte> bytes)
        {
            const string begin = "-----BEGIN ", end = "-----END ", dashes = "-----";
            var text = Encoding.Latin1.GetString(bytes).AsSpan();
            for (var at = text.IndexOf(begin); at >= 0; at = text.IndexOf(begin))
            {
                text = text[at..];
                // Every block is cut out before it is read: looking for the end of each of many beginnings would take the square of their number.
                var closing = text.IndexOf(end);
                var rest = closing < 0 ? default : text[(closing + end.Length)..];
                var last = rest.IndexOf(dashes);
                if (last < 0 || text[begin.Length..closing].IndexOf(begin) >= 0) throw new MalformedException(-1, $"{name} has a PEM block that is broken");
                var block = text[..(closing + end.Length + last + dashes.Length)];
                if (!PemEncoding.TryFind(block, out var fields)) throw new MalformedException(-1, $"{name} has a PEM block that is broken");
                AddDer(name, Convert.FromBase64String(block[fields.Base64Data].ToString()));
                text = text[block.Length..];
            }
        }

        /// <summary>A certificate's first member after its version is an integer, a list's an algorithm; what is neither may still be an OCSP response.</summary>
        private void AddDer(string name, ReadOnlyMemory<byte> der)
        {
            try
            {
                Certificates.Add(X509CertificateLoader.LoadCertificate(der.Span));
                return;
            }
            catch (CryptographicException)
            {
            }
            try
            {
                Lists.Add(RevocationList.Parse(der));
            }
            catch (MalformedException e)
            {
                // A list that was given and cannot be used is an error: left out, it would take nobody back.
                if (RevocationList.LooksLikeOne(der)) throw new MalformedException(-1, $"{name}: a revocation list that cannot be used: {e.Message}");
                Der.Add(new(name, der));
            }
        }

        private static bool IsOneDerValue(ReadOnlySpan<byte> bytes) =>
            AsnDecoder.TryReadEncodedValue(bytes, AsnEncodingRules.DER, out _, out _, out _, out var length) && length == bytes.Length;
    }
}
