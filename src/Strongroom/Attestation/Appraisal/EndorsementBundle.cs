using System.Text;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Attestation.Appraisal;

/// <summary>A file of a bundle.</summary>
/// <param name="Bytes">As it came from the vendor.</param>
/// <param name="Name">For messages, and for the file that it becomes again; no path.</param>
public sealed record BundledFile(byte[] Bytes, string Name);

/// <summary>
/// Vendors' collateral as one signed, dated file that crosses an air gap (spec/evidence-verdict.md, "Bundles"). The vendors' own signatures are checked in every
/// appraisal; the bundle's says who collected it, and when, and that nothing was left out on the way.
/// </summary>
/// <param name="Collected">When the files were got from the vendors.</param>
/// <param name="Files">In the order of their names.</param>
/// <param name="Signature">Ed25519 over a label and the canonical JSON of the other members.</param>
/// <param name="Type">Always <see cref="TypeName"/>.</param>
public sealed record EndorsementBundle(DateTimeOffset Collected, IReadOnlyList<BundledFile> Files, byte[]? Signature, string Type)
{
    public const string TypeName = "strongroom/endorsements/v1";
    public const int MaxSizeInBytes = 64 * 1024 * 1024;

    /// <exception cref="MalformedException">A name twice, or one that is a path.</exception>
    public static byte[] Sign(DateTimeOffset collected, IEnumerable<BundledFile> files, Ed25519PrivateKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var bundle = new EndorsementBundle(Timestamp.WholeSecond(collected), [.. files.OrderBy(file => file.Name, StringComparer.Ordinal)], null, TypeName);
        bundle.RequireNames();
        return CanonicalJson.Serialize(bundle with { Signature = key.Sign(bundle.Signed()) }, AttestationJson.Default.EndorsementBundle);
    }

    /// <summary>Whether bytes want to be a bundle; nothing is checked by it.</summary>
    public static bool Recognises(ReadOnlySpan<byte> bytes) => bytes.StartsWith("{\"collected\":"u8);

    /// <exception cref="MalformedException">Not canonical JSON of this record.</exception>
    public static EndorsementBundle Parse(ReadOnlySpan<byte> utf8)
    {
        var bundle = CanonicalJson.Parse(utf8, AttestationJson.Default.EndorsementBundle, MaxSizeInBytes);
        if (bundle.Type != TypeName) throw new MalformedException(-1, $"the type of a bundle is {TypeName}");
        bundle.RequireNames();
        return bundle;
    }

    public bool IsSignedBy(Ed25519PublicKey collector)
    {
        ArgumentNullException.ThrowIfNull(collector);
        return Signature is not null && collector.Verify(Signed(), Signature);
    }

    /// <summary>Names become files again somewhere: each is one plain word, and each another.</summary>
    private void RequireNames()
    {
        foreach (var (before, file) in Files.Prepend(null).Zip(Files))
        {
            if (file.Name.Length is 0 or > 200 || file.Name[0] == '.' || file.Name.AsSpan().ContainsAnyExcept("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"))
                throw new MalformedException(-1, $"'{file.Name}' is no name of a bundled file: letters, digits, . _ -, not beginning with a dot");
            if (before is not null && string.CompareOrdinal(before.Name, file.Name) >= 0) throw new MalformedException(-1, $"'{file.Name}' stands twice, or not in its order");
        }
    }

    /// <summary>The label keeps this signature from meaning anything anywhere else.</summary>
    private byte[] Signed() => [.. Encoding.ASCII.GetBytes(TypeName + "\n"), .. CanonicalJson.Serialize(this with { Signature = null }, AttestationJson.Default.EndorsementBundle)];
}
