namespace Strongroom.Attestation.Tpm;

/// <summary>TPMA_OBJECT (TPM 2.0 part 2, section 8.3). Bits without a name are reserved and refused.</summary>
[Flags]
public enum TpmAttributes : uint
{
    None = 0,
    FixedTpm = 1 << 1,
    StClear = 1 << 2,
    FixedParent = 1 << 4,
    SensitiveDataOrigin = 1 << 5,
    UserWithAuth = 1 << 6,
    AdminWithPolicy = 1 << 7,
    NoDictionaryAttackProtection = 1 << 10,
    EncryptedDuplication = 1 << 11,
    Restricted = 1 << 16,
    Decrypt = 1 << 17,
    Sign = 1 << 18,

    Known = FixedTpm | StClear | FixedParent | SensitiveDataOrigin | UserWithAuth | AdminWithPolicy | NoDictionaryAttackProtection
        | EncryptedDuplication | Restricted | Decrypt | Sign,
}
