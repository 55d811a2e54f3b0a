using Strongroom.Bytes;
using Strongroom.Ledger;
using Strongroom.Tests.Ledger;
using Strongroom.Witness;

namespace Strongroom.Broker.Tests.Witness;

/// <summary>The witness's key file and command line.</summary>
public sealed class WitnessStartTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("strongroom-").FullName;

    private string Key => Path.Combine(directory, "W.key");

    private static string Ledger => TestKeys.Signer("example.com/ledger").Verifier.ToString();

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void A_key_is_read_back_as_it_was_made()
    {
        var made = WitnessKey.Create(Key, "witness.example/1");
        using var opened = WitnessKey.Open(Key);
        Assert.Equal(made, opened.Cosigner.Verifier);
        Assert.Equal(NoteAlgorithm.Cosignature, made.Algorithm);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Key));
    }

    [Fact]
    public void A_key_is_never_written_over()
    {
        WitnessKey.Create(Key, "witness.example/1");
        Assert.Throws<IOException>(() => WitnessKey.Create(Key, "witness.example/1"));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead), InlineData(UnixFileMode.GroupWrite), InlineData(UnixFileMode.OtherRead), InlineData(UnixFileMode.OtherWrite)]
    public void A_key_that_others_can_read_or_write_is_refused(UnixFileMode others)
    {
        WitnessKey.Create(Key, "witness.example/1");
        File.SetUnixFileMode(Key, UnixFileMode.UserRead | UnixFileMode.UserWrite | others);
        Assert.Contains("chmod 600", Assert.Throws<RefusedException>(() => WitnessKey.Open(Key)).Message, StringComparison.Ordinal);
    }

    /// <summary>The key id stands for name and key, so a changed name or seed no longer fits it.</summary>
    [Fact]
    public void No_byte_of_a_key_file_can_change()
    {
        WitnessKey.Create(Key, "witness.example/1");
        var bytes = File.ReadAllBytes(Key);
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= 1;
            File.WriteAllBytes(Key, bytes);
            Assert.Throws<MalformedException>(() => WitnessKey.Open(Key));
            bytes[i] ^= 1;
        }
    }

    [Fact]
    public void Without_a_certificate_it_listens_on_loopback_only()
    {
        string[] line = ["--key", Key, "--ledger", Ledger, "--state", directory, "--listen"];
        Assert.NotNull(WitnessOptions.Parse([.. line, "127.0.0.1:0"]));
        Assert.Throws<MalformedException>(() => WitnessOptions.Parse([.. line, "0.0.0.0:0"]));
        Assert.NotNull(WitnessOptions.Parse([.. line, "0.0.0.0:0", "--certificate", "c.pem", "--certificate-key", "k.pem"]));
    }

    [Fact]
    public void A_line_that_makes_no_sense_is_refused()
    {
        string[] line = ["--key", Key, "--ledger", Ledger, "--state", directory, "--listen", "127.0.0.1:0"];
        Assert.Throws<UsageException>(() => WitnessOptions.Parse(line[..^2]));
        Assert.Throws<UsageException>(() => WitnessOptions.Parse([.. line, "--key", "other"]));
        Assert.Throws<UsageException>(() => WitnessOptions.Parse([.. line, "--certificate", "c.pem"]));
        Assert.Throws<UsageException>(() => WitnessOptions.Parse([.. line, "--unknown", "x"]));
        Assert.Throws<MalformedException>(() => WitnessOptions.Parse([.. line, "--ledger", Ledger]));
        Assert.Throws<MalformedException>(() => WitnessOptions.Parse([.. line, "--ledger", new Cosigner(TestKeys.Key("w"), "w").Verifier.ToString()]));
    }
}
