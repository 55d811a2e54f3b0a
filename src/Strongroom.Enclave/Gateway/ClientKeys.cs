using System.Security.Cryptography;
using System.Text;
using Strongroom.Bytes;

namespace Strongroom.Enclave.Gateway;

/// <summary>
/// Who may ask. A client's key is a bearer token (RFC 6750) of high entropy; the enclave knows its SHA-256 only, so the file of keys is no secret.
/// </summary>
/// <param name="digests">SHA-256 of each token's UTF-8.</param>
public sealed class ClientKeys(IReadOnlyList<Digest> digests)
{
    private const string Scheme = "Bearer ";

    public int Count => digests.Count;

    /// <summary>One key a line, 64 lower-case hexadecimal digits; empty lines and what follows a # are comments.</summary>
    /// <exception cref="MalformedException">A line is no SHA-256 value, and which; or there is no key at all.</exception>
    public static ClientKeys Parse(IEnumerable<string> lines)
    {
        var digests = lines.Select((line, index) => (Text: line.Split('#')[0].Trim(), Number: index + 1)).Where(line => line.Text.Length > 0)
            .Select(line => Read(line.Text, line.Number)).ToList();
        return digests.Count > 0 ? new(digests) : throw new MalformedException(-1, "a file of client keys needs at least one: the SHA-256 of a token, in hexadecimal");
    }

    /// <summary>Every key is compared, in constant time, so that time tells nothing of which one came close.</summary>
    internal bool Admits(string? authorization)
    {
        if (authorization is null || !authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return false;
        var presented = Digest.Of(Encoding.UTF8.GetBytes(authorization[Scheme.Length..].Trim()));
        var admitted = false;
        foreach (var digest in digests) admitted |= CryptographicOperations.FixedTimeEquals(digest.Span, presented.Span);
        return admitted;
    }

    private static Digest Read(string text, int line)
    {
        try
        {
            return Digest.Parse(text);
        }
        catch (MalformedException e)
        {
            throw new MalformedException(-1, $"client keys, line {line}: {e.Message}");
        }
    }
}
