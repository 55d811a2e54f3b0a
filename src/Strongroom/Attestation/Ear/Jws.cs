using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Ear;

/// <summary>A JWS in compact form (RFC 7515 section 3.1): three parts, two dots, nothing else. The JSON forms are not read.</summary>
internal sealed class Jws
{
    /// <summary>Longest token that is looked at, in bytes.</summary>
    public const int MaxSizeInBytes = 1024 * 1024;

    private readonly byte[] signed;
    private readonly byte[] signature;

    private Jws(JsonElement header, byte[] payload, byte[] signed, byte[] signature)
    {
        (Header, Payload, this.signed, this.signature) = (header, payload, signed, signature);
        Algorithm = StrictJson.RequiredText(header, "alg");
    }

    public JsonElement Header { get; }

    /// <summary>As the header says; on the allow list or not.</summary>
    public string Algorithm { get; }

    public ReadOnlyMemory<byte> Payload { get; }

    /// <exception cref="MalformedException">Not exactly this form, a header that is not one JSON object without repetitions, or longer than <see cref="MaxSizeInBytes"/>.</exception>
    public static Jws Parse(ReadOnlySpan<byte> token)
    {
        if (token.Length > MaxSizeInBytes) throw new MalformedException(MaxSizeInBytes, $"a token has {MaxSizeInBytes} bytes at most");
        if (token.IndexOfAnyExceptInRange((byte)0x21, (byte)0x7E) is >= 0 and var at) throw new MalformedException(at, "a token is ASCII without white space");
        var text = Encoding.ASCII.GetString(token);
        if (text.Split('.') is not [{ Length: > 0 } header, { Length: > 0 } payload, { Length: > 0 } signature]) throw new MalformedException(-1, "a token is header, payload and signature, with a dot between");
        return new(StrictJson.Object(StrictJson.Base64(header, "the header"), "the header"), StrictJson.Base64(payload, "the payload"),
            token[..(header.Length + 1 + payload.Length)].ToArray(), StrictJson.Base64(signature, "the signature"));
    }

    public static string Sign(JsonObject header, ReadOnlySpan<byte> payload, ECDsa key)
    {
        var algorithm = JwsAlgorithm.Of(key) ?? throw new ArgumentException("the key is not of P-256 or P-384", nameof(key));
        header["alg"] = algorithm.Name;
        var text = $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header.ToJsonString()))}.{Base64Url.EncodeToString(payload)}";
        return $"{text}.{Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(text), algorithm.Hash))}";
    }

    /// <summary>False also where the header names another algorithm than the key's own: the token does not choose how it is verified.</summary>
    public bool IsSignedBy(Jwk key)
    {
        if (key.Algorithm != Algorithm || JwsAlgorithm.Named(Algorithm) is not { } algorithm) return false;
        using var ecdsa = ECDsa.Create();
        ecdsa.ImportSubjectPublicKeyInfo(key.SubjectPublicKeyInfo, out _);
        return signature.Length == 2 * algorithm.NumberSizeInBytes && ecdsa.VerifyData(signed, signature, algorithm.Hash);
    }
}
