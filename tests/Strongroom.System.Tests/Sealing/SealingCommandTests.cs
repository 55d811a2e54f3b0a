using System.Text.Json;
using Strongroom.Bytes;

namespace Strongroom.System.Tests.Sealing;

/// <summary>The lines that scripts rely on, run as scripts run them.</summary>
public sealed class SealingCommandTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("strongroom-cli-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task The_contract_lines_do_what_they_say()
    {
        await MakeAsync();
        Assert.True(File.Exists(At("K.key.publisher")) && File.Exists(At("K.key.publisher.pub")));
        var inspected = await CliProcess.AnswerAsync(directory, "inspect", "sealed");
        Assert.Equal("tale", inspected["name"]!.GetValue<string>());
        Assert.Equal(3, inspected["version"]!.GetValue<long>());
        Assert.Equal(["a.txt", "sub/b.bin"], inspected["files"]!.AsArray().Select(file => file!["name"]!.GetValue<string>()));
        var verified = await CliProcess.AnswerAsync(directory, "verify", "sealed", "--publisher", "K.key.publisher.pub");
        Assert.True(verified["publisher_trusted"]!.GetValue<bool>());
        Assert.False((await CliProcess.AnswerAsync(directory, "verify", "sealed"))["publisher_trusted"]!.GetValue<bool>());
        var decrypted = await CliProcess.AnswerAsync(directory, "verify", "sealed", "--custody", "file:K.key", "--decrypt");
        Assert.True(decrypted["decrypted"]!.GetValue<bool>() && decrypted["publisher_trusted"]!.GetValue<bool>());
        await CliProcess.AnswerAsync(directory, "open", "sealed", "out", "--custody", "file:K.key", "--min-version", "3");
        Assert.Equal(File.ReadAllBytes(At("model/sub/b.bin")), File.ReadAllBytes(At("out/sub/b.bin")));
        Assert.Equal(["a.txt", "sub"], Directory.EnumerateFileSystemEntries(At("out")).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task Every_failure_has_its_exit_code_one_line_and_leaves_nothing()
    {
        await MakeAsync();
        await CliProcess.AnswerAsync(directory, "key", "create", "Other.key", "--danger-unprotected");
        File.Copy(At("K.key"), At("Bare.key"));
        await FailsAsync(1, "open", "sealed", "out", "--custody", "file:K.key", "--min-version", "4");
        await FailsAsync(1, "open", "sealed", "out", "--custody", "file:Bare.key"); // no publisher's key
        await FailsAsync(1, "open", "sealed", "out", "--custody", "file:K.key", "--publisher", "Other.key.publisher.pub");
        await FailsAsync(1, "open", "sealed", "out", "--custody", "file:Other.key", "--publisher", "K.key.publisher.pub");
        await FailsAsync(1, "verify", "sealed", "--publisher", "Other.key.publisher.pub");
        await FailsAsync(2, "open", "sealed", "out", "--custody", "file:model/a.txt", "--publisher", "K.key.publisher.pub");
        await FailsAsync(64, "open", "sealed");
        await FailsAsync(64, "opn", "sealed", "out");
        await FailsAsync(64, "open", "sealed", "model", "--custody", "file:K.key"); // not empty
        await FailsAsync(64, "seal", "model", "sealed", "--custody", "file:K.key", "--name", "tale", "--version", "4");
        await FailsAsync(64, "seal", "model", "new", "--custody", "file:K.key", "--name", "a tale", "--version", "4");
        await FailsAsync(64, "seal", "model", "new", "--custody", "file:K.key", "--name", "tale", "--version", "0");
        await FailsAsync(64, "seal", "model", "model/new", "--custody", "file:K.key", "--name", "tale", "--version", "4");
        await FailsAsync(66, "open", "absent", "out", "--custody", "file:K.key");
        await FailsAsync(66, "open", "sealed", "out", "--custody", "file:absent.key", "--publisher", "K.key.publisher.pub");
        var file = File.ReadAllBytes(At("sealed/sub/b.bin.sealed"));
        file[^1] ^= 1;
        File.WriteAllBytes(At("sealed/sub/b.bin.sealed"), file);
        await FailsAsync(1, "open", "sealed", "out", "--custody", "file:K.key");
        await FailsAsync(1, "verify", "sealed", "--publisher", "K.key.publisher.pub");
        await FailsAsync(1, "verify", "sealed", "--custody", "file:K.key", "--decrypt");
    }

    [Fact]
    public async Task With_json_a_failure_is_a_document_too()
    {
        var (code, output, _) = await CliProcess.RunAsync(directory, "inspect", "absent", "--json");
        using var answer = JsonDocument.Parse(output);
        Assert.Equal(66, code);
        Assert.Equal(66, answer.RootElement.GetProperty("exit_code").GetInt32());
        Assert.Contains("absent", answer.RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_recipient_opens_with_a_key_of_their_own()
    {
        await MakeAsync();
        foreach (var kem in new[] { "x25519", "p256" })
        {
            var recipient = (await CliProcess.AnswerAsync(directory, "key", "create", $"{kem}.key", "--hpke", kem, "--danger-unprotected"))["recipient"]!.GetValue<string>();
            await CliProcess.AnswerAsync(directory, "seal", "model", kem, "--custody", "file:K.key", "--name", "tale", "--version", "3", "--recipient", recipient);
            await CliProcess.AnswerAsync(directory, "open", kem, $"out-{kem}", "--identity", $"{kem}.key", "--publisher", "K.key.publisher.pub", "--check-tree");
            Assert.Equal("once upon a time", File.ReadAllText(At($"out-{kem}/a.txt")));
        }
        await FailsAsync(1, "open", "sealed", "out", "--identity", "p256.key", "--publisher", "K.key.publisher.pub");
    }

    [Fact]
    public async Task Opens_one_file_or_one_tensor_without_the_rest()
    {
        Directory.CreateDirectory(At("model"));
        var header = """{"small":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"large":{"dtype":"U8","shape":[100000],"data_offsets":[3,100003]}}""";
        File.WriteAllBytes(At("model/w.safetensors"), [.. BitConverter.GetBytes((long)header.Length), .. global::System.Text.Encoding.UTF8.GetBytes(header), 1, 2, 3, .. new byte[100_000]]);
        await MakeAsync();
        var sealedFile = File.ReadAllBytes(At("sealed/w.safetensors.sealed"));
        sealedFile[^1] ^= 1; // far from the tensor: reading it does not touch this chunk
        File.WriteAllBytes(At("sealed/w.safetensors.sealed"), sealedFile);
        await CliProcess.AnswerAsync(directory, "open", "sealed", "tensor", "--custody", "file:K.key", "--tensor", "small");
        Assert.Equal([1, 2, 3], File.ReadAllBytes(At("tensor/small.bin")));
        await FailsAsync(1, "open", "sealed", "out", "--custody", "file:K.key", "--tensor", "large");
        await FailsAsync(64, "open", "sealed", "out", "--custody", "file:K.key", "--tensor", "absent");
        await FailsAsync(64, "open", "sealed", "out", "--custody", "file:K.key", "--tensor", "small", "--check-tree"); // asked for, so never left out
        await FailsAsync(64, "open", "sealed", "out", "--custody", "file:K.key", "--tensor", "small", "--file", "a.txt");
        await CliProcess.AnswerAsync(directory, "open", "sealed", "one", "--custody", "file:K.key", "--file", "a.txt");
        Assert.Equal("a.txt", Path.GetFileName(Assert.Single(Directory.EnumerateFileSystemEntries(At("one")))));
    }

    [Fact]
    public async Task A_key_with_a_passphrase_asks_for_it_and_takes_no_other()
    {
        File.WriteAllText(At("phrase"), "correct horse\n");
        File.WriteAllText(At("wrong"), "correct house\n");
        foreach (var file in new[] { "phrase", "wrong" }) File.SetUnixFileMode(At(file), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await CliProcess.AnswerAsync(directory, "key", "create", "P.key", "--passphrase-file", "phrase");
        var shown = await CliProcess.AnswerAsync(directory, "key", "show", "P.key", "--passphrase-file", "phrase");
        Assert.Equal("passphrase (scrypt)", shown["protection"]!.GetValue<string>());
        await FailsAsync(1, "key", "show", "P.key", "--passphrase-file", "wrong");
        await FailsAsync(64, "key", "create", "P.key", "--danger-unprotected"); // never overwritten
    }

    [Theory, InlineData("bash"), InlineData("zsh"), InlineData("fish")]
    public async Task Completion_asks_the_program_itself(string shell)
    {
        var (code, output, _) = await CliProcess.RunAsync(directory, "completion", shell);
        Assert.Equal(0, code);
        Assert.Contains("[suggest:", output, StringComparison.Ordinal);
        var (_, suggestions, _) = await CliProcess.RunAsync(directory, "[suggest:14]", "strongroom ins");
        Assert.Contains("inspect", suggestions, StringComparison.Ordinal);
        (_, suggestions, _) = await CliProcess.RunAsync(directory, "[suggest:11]", "strongroom ");
        Assert.Contains("--help", suggestions, StringComparison.Ordinal);
        Assert.DoesNotContain("/", suggestions, StringComparison.Ordinal); // other systems' spellings of it
    }

    private async Task MakeAsync()
    {
        Directory.CreateDirectory(At("model/sub"));
        File.WriteAllText(At("model/a.txt"), "once upon a time");
        File.WriteAllBytes(At("model/sub/b.bin"), new byte[70_000]);
        await CliProcess.AnswerAsync(directory, "key", "create", "K.key", "--danger-unprotected");
        await CliProcess.AnswerAsync(directory, "seal", "model", "sealed", "--custody", "file:K.key", "--name", "tale", "--version", "3");
    }

    private async Task FailsAsync(int expected, params string[] arguments)
    {
        var before = Directory.EnumerateFileSystemEntries(directory, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).Order().ToList();
        var (code, _, error) = await CliProcess.RunAsync(directory, arguments);
        Assert.True(expected == code, $"{string.Join(' ', arguments)} exited with {code}, not {expected}: {error}");
        Assert.Equal(1, error.Count(c => c == '\n'));
        Assert.StartsWith("strongroom: ", error, StringComparison.Ordinal);
        Assert.Equal(before, Directory.EnumerateFileSystemEntries(directory, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).Order());
    }

    private string At(string name) => Path.Combine(directory, name);
}
