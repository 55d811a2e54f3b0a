using System.Security.Cryptography;
using Strongroom.Tests.Attestation.Corim;

namespace Strongroom.System.Tests.People;

/// <summary>Reference values that the maker of an image signed, from his file to the ledger.</summary>
public sealed class CorimTests : IAsyncLifetime
{
    private readonly ECDsa maker = ECDsa.Create(ECCurve.NamedCurves.nistP384);
    private House house = null!;

    public async ValueTask InitializeAsync()
    {
        house = await House.BuildAsync();
        var corim = TestCorim.Sign(
            TestCorim.Of("image", 3, null, TestCorim.Triple("AMD", "SEV-SNP", "measurement", TestCorim.Digests(new byte[48])), TestCorim.Triple("AMD", "SEV-SNP", "tcb.snp", TestCorim.AtLeast(22))),
            maker, DateTimeOffset.UtcNow);
        await File.WriteAllBytesAsync(house.At("image.corim"), corim);
        await File.WriteAllTextAsync(house.At("maker.pem"), maker.ExportSubjectPublicKeyInfoPem());
    }

    public async ValueTask DisposeAsync()
    {
        await house.DisposeAsync();
        maker.Dispose();
    }

    [Fact]
    public async Task A_second_person_checks_the_signers_word_and_is_told_what_is_the_proposers_own()
    {
        var proposed = await house.AsAsync(4, "ada", "reference", "add", "images", "vmpl=0", "--kind", "sev-snp", "--corim", "image.corim", "--signer", "maker.pem", "--yes");
        var (_, _, words) = await house.AsAsync("ben", "approve", (string)proposed["subject"]!, "--yes");
        Assert.Contains("  tcb.snp >=22", words, StringComparison.Ordinal);
        Assert.Contains("Checked here: that key signed the CoRIM, it is in its time, and it says so of measurement, tcb.snp.", words, StringComparison.Ordinal);
        Assert.Contains("The proposer's own word: vmpl.", words, StringComparison.Ordinal);
        Assert.Contains("According to the broker no set named images is on record", words, StringComparison.Ordinal);
        Assert.Contains("A NEW SIGNER", words, StringComparison.Ordinal);
        var set = await house.AsAsync(0, "ben", "reference", "show", "images");
        Assert.Equal(">=22", (string)set["values"]!["tcb.snp"]!);
        Assert.Equal(3, (int)set["corim"]!["tags"]!["image"]!["version"]!);
    }

    [Fact]
    public async Task A_stranger_s_file_and_a_word_against_it_are_refused_before_anything_is_signed()
    {
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        await File.WriteAllTextAsync(house.At("stranger.pem"), stranger.ExportSubjectPublicKeyInfoPem());
        await File.WriteAllTextAsync(house.At("private.pem"), stranger.ExportPkcs8PrivateKeyPem());
        foreach (var (code, said, arguments) in (IEnumerable<(int, string, string[])>)
        [
            (1, "corim.4", ["--corim", "image.corim", "--signer", "stranger.pem"]),
            (2, "private key", ["--corim", "image.corim", "--signer", "private.pem"]),
            (2, "neither an EC public key", ["--corim", "image.corim", "--signer", "image.corim"]),
            (64, "belong together", ["--corim", "image.corim"]),
            (64, "the CoRIM says >=22 of tcb.snp", ["tcb.snp=>=1", "--corim", "image.corim", "--signer", "maker.pem"]),
            (1, "the CoRIM says >=22 of tcb.snp, and the set says *", ["--any", "tcb.snp", "--corim", "image.corim", "--signer", "maker.pem"]),
        ])
        {
            var (exit, _, error) = await house.AsAsync("ada", ["reference", "add", "images", "--kind", "sev-snp", "--yes", .. arguments]);
            Assert.Equal(code, exit);
            Assert.Contains(said, error, StringComparison.Ordinal);
        }
    }
}
