using Strongroom.Bytes;

namespace Strongroom.Attestation.Tpm;

/// <summary>The key that signs quotes: what it must be, and the template that we make ours from.</summary>
public static class AttestationKey
{
    private const TpmAttributes Required =
        TpmAttributes.FixedTpm | TpmAttributes.FixedParent | TpmAttributes.SensitiveDataOrigin | TpmAttributes.Restricted | TpmAttributes.Sign;

    private const TpmAttributes Harmless = TpmAttributes.UserWithAuth | TpmAttributes.AdminWithPolicy | TpmAttributes.NoDictionaryAttackProtection;

    private const uint EndorsementHierarchy = 0x4000000B; // TPM_RH_ENDORSEMENT

    /// <summary>ECDSA on P-256 with SHA-256, as a primary key: derived from the TPM's own seed, so the same template gives the same key for ever.</summary>
    public static TpmPublic Template { get; } =
        TpmPublic.P256(Required | TpmAttributes.UserWithAuth | TpmAttributes.NoDictionaryAttackProtection, default, hasAes128: false, TpmAlgorithm.EcDsa);

    /// <summary>Why this key cannot be trusted to sign quotes only; empty when it can.</summary>
    /// <remarks>
    /// Restricted: signs only what the TPM itself made. Fixed to TPM and parent, made inside: exists nowhere else. Nothing else may be set: a key that
    /// also decrypts, or may be duplicated, answers to other rules.
    /// </remarks>
    public static IEnumerable<string> Refusals(TpmPublic key)
    {
        if ((key.Attributes & Required) != Required) yield return $"the attestation key lacks {Required & ~key.Attributes}";
        if ((key.Attributes & ~(Required | Harmless)) != 0) yield return $"the attestation key must not be {key.Attributes & ~(Required | Harmless)}";
        if (key.Scheme == TpmAlgorithm.Null || key.HasAes128) yield return "the attestation key has no signing scheme of its own";
    }

    /// <summary>
    /// The signer's qualified name when it is a primary key of the endorsement hierarchy (TPM 2.0 part 1, section 16.3). For keys of other hierarchies the
    /// TPM obscures the counters of a quote (section 36.7), so they could not be judged.
    /// </summary>
    public static byte[] QualifiedName(TpmPublic key) =>
        new ByteWriter().U16((ushort)key.NameHash).Bytes(key.NameHash.Hash(new ByteWriter().U32(EndorsementHierarchy).Bytes(key.Name()).Written)).ToArray();
}
