using Strongroom.SystemTests;

namespace Strongroom.System.Tests.People;

/// <summary>A machine with a TPM is enrolled from its own command line, and refused where its TPM has no known maker.</summary>
public sealed class MachineTests
{
    [Fact]
    public async Task Enrols_a_machine_by_its_TPM_once_two_people_trust_its_maker()
    {
        using var tpm = new Swtpm();
        await using var house = await House.BuildAsync();
        await house.ChangeAsync("person", "add", "olga", "--group", "operators", "--danger-unprotected");
        string[] enrol = ["machine", "enrol", "--tpm", tpm.Address, "--intermediate", tpm.Issuer, "--yes"];

        var (code, _, error) = await house.AsAsync("olga", enrol);
        Assert.True(code == 1, error); // nobody trusts the maker yet

        await house.ChangeAsync("root", "add", tpm.Root);
        var machine = (string)(await house.AsAsync(0, "olga", enrol))["subject"]!;
        var measured = await house.AsAsync(0, "olga", ["machine", "show", machine]);
        Assert.Equal("tpm", (string)measured["kind"]!);
        Assert.Equal((string)measured["measurement"]!, (string)(await Sealing.CliProcess.AnswerAsync(house.Directory, "machine", "measure", "--tpm", tpm.Address))["measurement"]!);
        Assert.Equal(1, (await house.AsAsync("olga", enrol)).Code); // once, for ever
    }
}
