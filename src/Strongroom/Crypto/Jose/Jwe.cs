using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Strongroom.Bytes;

namespace Strongroom.Crypto;

/// <summary>
/// JSON Web Encryption in its flattened form (RFC 7516 section 7.2.2), content by A256GCM (RFC 7518 section 5.3) under a key that encrypts this message and no other.
/// Written here, never read: who reads is a guest.
/// </summary>
/// <param name="Protected">Base64url of the header: <c>alg</c>, <c>enc</c>, <c>epk</c> where the algorithm has one, and <c>resource</c>. It is the whole authenticated data.</param>
/// <param name="EncryptedKey">Base64url.</param>
/// <param name="Iv">Base64url of 12 bytes.</param>
/// <param name="Ciphertext">Base64url, as long as the content.</param>
/// <param name="Tag">Base64url of 16 bytes.</param>
public sealed record Jwe(string Protected, string EncryptedKey, string Iv, string Ciphertext, string Tag)
{
    /// <param name="to">The only reader.</param>
    /// <param name="resource">What the content is: a message for one resource is not taken for another's.</param>
    /// <param name="content">Stays the caller's, who wipes it.</param>
    public static Jwe Encrypt(JweKey to, string resource, ReadOnlySpan<byte> content)
    {
        ArgumentNullException.ThrowIfNull(to);
        using var contentKey = Secret.Random(Aes256Gcm.KeySizeInBytes);
        var (wrapped, ephemeral) = to.Wrap(contentKey);
        JsonObject header = new() { ["alg"] = to.Algorithm, ["enc"] = "A256GCM", ["resource"] = resource };
        if (ephemeral is not null) header["epk"] = ephemeral;
        // Canonical JSON: guests write the header again before they authenticate it, alg and enc first and the rest in the order of their names, which is this order.
        var authenticated = Base64Url.EncodeToString(CanonicalJson.Write(header));
        var iv = RandomNumberGenerator.GetBytes(Aes256Gcm.NonceSizeInBytes);
        var (ciphertext, tag) = (new byte[content.Length], new byte[Aes256Gcm.TagSizeInBytes]);
        using var cipher = new AesGcm(contentKey.Span, Aes256Gcm.TagSizeInBytes);
        cipher.Encrypt(iv, content, ciphertext, tag, System.Text.Encoding.ASCII.GetBytes(authenticated));
        return new(authenticated, Base64Url.EncodeToString(wrapped), Base64Url.EncodeToString(iv), Base64Url.EncodeToString(ciphertext), Base64Url.EncodeToString(tag));
    }

    public byte[] ToBytes() => CanonicalJson.Serialize(this, JoseJson.Default.Jwe);
}
