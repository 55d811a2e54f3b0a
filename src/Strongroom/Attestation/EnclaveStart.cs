using System.Security.Cryptography;
using System.Text;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Attestation;

/// <summary>
/// What an enclave measures about itself when it starts. A TPM speaks for a boot, not for a process; this record, extended into a PCR that cannot be
/// reset, ties the boot to one process: the one that holds the private half of the key.
/// </summary>
/// <param name="HpkeKey">SHA-256 of the enclave's HPKE public key as it is written in JSON.</param>
/// <param name="Configuration">SHA-256 of what the enclave is pinned to: broker, ledger, witnesses, publishers.</param>
public sealed record EnclaveStart(Digest HpkeKey, Digest Configuration)
{
    public static EnclaveStart Of(HpkePublicKey key, Digest configuration)
    {
        ArgumentNullException.ThrowIfNull(key);
        return new(Digest.Of(Encoding.UTF8.GetBytes(key.ToString())), configuration);
    }

    /// <summary>The value that goes into the application PCR: SHA-256 of this record's canonical JSON.</summary>
    public Digest Measure() => Digest.Of(CanonicalJson.Serialize(this, AttestationJson.Default.EnclaveStart));

    /// <summary>The SHA-256 PCR that these starts, and nothing else, lead to from its reset value, 32 zero bytes.</summary>
    public static Digest Replay(IEnumerable<EnclaveStart> starts)
    {
        Span<byte> extend = stackalloc byte[2 * Digest.SizeInBytes];
        extend.Clear();
        foreach (var start in starts)
        {
            start.Measure().Span.CopyTo(extend[Digest.SizeInBytes..]);
            SHA256.HashData(extend, extend[..Digest.SizeInBytes]);
        }
        return Digest.From(extend[..Digest.SizeInBytes]);
    }

    /// <summary>The log of starts that a machine keeps: canonical JSON.</summary>
    public static byte[] WriteLog(IReadOnlyList<EnclaveStart> starts) => CanonicalJson.Serialize(starts, AttestationJson.Default.IReadOnlyListEnclaveStart);

    /// <exception cref="MalformedException">Not what <see cref="WriteLog"/> writes.</exception>
    public static IReadOnlyList<EnclaveStart> ReadLog(ReadOnlySpan<byte> utf8) => CanonicalJson.Parse(utf8, AttestationJson.Default.IReadOnlyListEnclaveStart);
}
