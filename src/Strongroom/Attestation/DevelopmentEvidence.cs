using System.Text;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Attestation;

/// <summary>
/// A statement signed by a key in a file. It proves nothing about a machine and exists so that the rest can be tried without a TPM; see
/// <see cref="DangerousEvidence.Development"/>.
/// </summary>
/// <param name="Kind">Always <c>development</c>.</param>
/// <param name="Transcript">What the statement answers.</param>
/// <param name="Claims">Whatever the signer says that it measured.</param>
/// <param name="Starts">As <see cref="VerifiedEvidence.Starts"/>.</param>
/// <param name="Signature">Ed25519 over a label and the canonical JSON of the other members.</param>
public sealed record DevelopmentEvidence(
    string Kind, Digest Transcript, IReadOnlyDictionary<string, string> Claims, IReadOnlyList<EnclaveStart> Starts, byte[]? Signature = null)
{
    public const string KindName = "development";

    /// <summary>The evidence as bytes to send.</summary>
    public static byte[] Sign(Ed25519PrivateKey key, Digest transcript, IReadOnlyDictionary<string, string> claims, IReadOnlyList<EnclaveStart> starts)
    {
        var evidence = new DevelopmentEvidence(KindName, transcript, claims, starts);
        return CanonicalJson.Serialize(evidence with { Signature = key.Sign(evidence.Signed()) }, AttestationJson.Default.DevelopmentEvidence);
    }

    /// <exception cref="MalformedException">Not canonical JSON of this record.</exception>
    public static DevelopmentEvidence Parse(ReadOnlySpan<byte> utf8) => CanonicalJson.Parse(utf8, AttestationJson.Default.DevelopmentEvidence);

    /// <summary>The label keeps this signature from meaning anything anywhere else.</summary>
    internal byte[] Signed() =>
        [.. Encoding.ASCII.GetBytes("strongroom/development-evidence/v1\n"), .. CanonicalJson.Serialize(this with { Signature = null }, AttestationJson.Default.DevelopmentEvidence)];
}
