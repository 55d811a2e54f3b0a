using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Crypto;
using Strongroom.Enclave.Gateway;

namespace Strongroom.System.Tests.Enclave;

/// <summary>That the search which finds nothing would find something.</summary>
public sealed class MemorySearchTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("search-test-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Theory]
    [InlineData("7f2c5c000000-7f2c5c021000 rw-p 00000000 00:00 0 ", true)]
    [InlineData("55d0c8a3e000-55d0c8a5f000 rw-p 00000000 00:00 0                          [heap]", true)]
    [InlineData("7f2c5c000000-7f2c5c021000 r--p 00000000 00:00 0 ", true)]
    [InlineData("7f2d40a00000-7f2d40a04000 rw-p 00400000 fe:01 1234                       /usr/lib/x86_64-linux-gnu/libcrypto.so.3", true)]
    [InlineData("7f2cc0000000-7f2cc0010000 r-xs 00010000 00:01 5                          /memfd:doublemapper (deleted)", true)]
    [InlineData("7f2d40600000-7f2d40900000 r-xp 00000000 fe:01 1234                       /usr/lib/x86_64-linux-gnu/libcrypto.so.3", false)]
    public void Looks_for_keys_wherever_one_could_have_been_written(string mapping, bool could) => Assert.Equal(could, MemorySearch.CouldHoldKey(mapping));

    [Theory]
    [InlineData(0)]
    [InlineData(200 << 10)]
    public void Finds_keys_in_files_of_any_size(int before)
    {
        var search = new MemorySearch();
        var number = RandomNumberGenerator.GetBytes(32);
        using (var key = HpkePrivateKey.From("x25519", number)) search.Keys.Add("HPKE key", key.PublicKey);
        using var certificate = ServerCertificate.Create(["localhost"], DateTimeOffset.UtcNow);
        search.Keys.Add("TLS key", certificate);
        using var p256 = certificate.GetECDsaPrivateKey()!;
        var path = Path.Combine(directory, "file");
        File.WriteAllBytes(path, [.. new byte[before], .. number, .. p256.ExportECPrivateKey()]);
        Assert.Equal(["HPKE key", "TLS key"], search.InFiles([path]));
    }
}
