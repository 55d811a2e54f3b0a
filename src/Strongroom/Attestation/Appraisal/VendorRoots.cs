using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Appraisal;

/// <summary>
/// The roots of trust of each vendor's product: SHA-256 of the root's SubjectPublicKeyInfo. A root that comes with evidence is believed only if its key is the
/// one pinned for that very product; every other root is a stranger's.
/// </summary>
internal sealed class VendorRoots(IReadOnlyDictionary<string, Digest> pins)
{
    public const string AmdMilan = "amd/Milan";
    public const string AmdGenoa = "amd/Genoa";
    public const string AmdTurin = "amd/Turin";
    public const string IntelSgx = "intel/sgx";
    public const string AwsNitro = "aws/nitro";
    public const string NvidiaDevice = "nvidia/device";
    public const string NvidiaRim = "nvidia/rim";

    /// <summary>Each line with its source; the keys are facts that anybody can compare there.</summary>
    public static VendorRoots Pinned { get; } = new(new Dictionary<string, Digest>
    {
        [AmdMilan] = Digest.Parse("9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9"), // ARK of https://kdsintf.amd.com/vcek/v1/Milan/cert_chain
        [AmdGenoa] = Digest.Parse("429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831"), // ARK of https://kdsintf.amd.com/vcek/v1/Genoa/cert_chain
        [AmdTurin] = Digest.Parse("4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08"), // ARK of https://kdsintf.amd.com/vcek/v1/Turin/cert_chain
        [IntelSgx] = Digest.Parse("a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e"), // https://certificates.trustedservices.intel.com/Intel_SGX_Provisioning_Certification_RootCA.cer
        [AwsNitro] = Digest.Parse("f2caf5ecc6190b4a8399b78bc58a2bbcd0382375db8a1bfd78a82743874fd225"), // https://aws-nitro-enclaves.amazonaws.com/AWS_NitroEnclaves_Root-G1.zip
        [NvidiaDevice] = Digest.Parse("a90c4eb5acfd3e3d03a25db6a26b84f720ad0503196c627c21ddd48dd85b06a4"), // NVIDIA Device Identity CA, of GPUs and switches: NVIDIA/nvtrust, verifier_device_root.pem
        [NvidiaRim] = Digest.Parse("dec1dc316477aa851eebdf51327ae9f864bc8d89254657ed1e7eb9168af1e1a3"), // NVIDIA CoRIM signing Root CA: NVIDIA/nvtrust, verifier_RIM_root.pem
    });

    /// <summary>The pins of several, no product twice.</summary>
    internal static VendorRoots Of(IEnumerable<VendorRoots> several) => new(several.SelectMany(each => each.Products).ToDictionary());

    private IReadOnlyDictionary<string, Digest> Products => pins;

    public bool Holds(string product, X509Certificate2 certificate) =>
        pins.TryGetValue(product, out var pin) && pin == Digest.Of(certificate.PublicKey.ExportSubjectPublicKeyInfo());
}
