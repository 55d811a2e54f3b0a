using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Enclave.Loader;
using Strongroom.Enclave.Memory;
using Strongroom.Sealing;

namespace Strongroom.System.Tests.Enclave;

/// <summary>Opening a sealed model into protected memory, and what must not open.</summary>
public sealed class SealedModelTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("sealed-model-").FullName;
    private readonly string away = Directory.CreateTempSubdirectory("moved-away-").FullName;
    private readonly ProtectedMemory memory = new(MemoryKind.Locked);
    private readonly TinyModel model;

    public SealedModelTests() => model = TinyModel.Seal(directory);

    private string Weights => Path.Combine(directory, "model.safetensors.sealed");

    [Fact]
    public unsafe void Opens_every_file_to_the_bytes_that_were_sealed()
    {
        var files = Open();
        Assert.Equal(model.Manifest.Files.Select(file => file.Name), files.Select(file => file.Name));
        var weights = files.Single(file => file.Name == "model.safetensors");
        Assert.True(new ReadOnlySpan<byte>((void*)weights.Address, (int)weights.Length).EndsWith(model.Tensors[^1]));
    }

    [Fact]
    public void Opens_only_the_files_that_were_released()
    {
        using var keys = Secret.CopyOf(model.FileKeys.AsSpan(32, 32));
        var files = Prepare().Open(keys, ["model.safetensors"], checkTree: false, _ => { }, TestContext.Current.CancellationToken);
        Assert.Equal(["model.safetensors"], files.Select(file => file.Name));
    }

    [Fact]
    public void Stops_opening_when_it_is_cancelled()
    {
        using var keys = Secret.CopyOf(model.FileKeys);
        using var ending = new CancellationTokenSource();
        var opened = 0;
        Assert.ThrowsAny<OperationCanceledException>(() => Prepare().Open(
            keys, null, checkTree: false, _ => { Interlocked.Increment(ref opened); ending.Cancel(); }, ending.Token));
        Assert.Equal(1, opened);
    }

    [Fact]
    public void Refuses_a_flipped_bit()
    {
        var bytes = File.ReadAllBytes(Weights);
        bytes[20_000] ^= 1;
        File.WriteAllBytes(Weights, bytes);
        Assert.Throws<AuthenticationTagMismatchException>(() => Open(checkTree: false));
    }

    [Fact]
    public void Refuses_a_truncated_file()
    {
        File.WriteAllBytes(Weights, File.ReadAllBytes(Weights)[..^SealedLayout.SealedChunkSize]);
        Assert.Contains("sealed bytes", Assert.Throws<RefusedException>(() => Open()).Message);
    }

    [Fact]
    public void Refuses_a_missing_file()
    {
        File.Delete(Weights);
        Assert.Contains("missing", Assert.Throws<RefusedException>(() => Open()).Message);
    }

    [Theory]
    [InlineData("notes.txt")]
    [InlineData("model.safetensors")]
    [InlineData("other.sealed")]
    [InlineData("deeper/model.safetensors.sealed")]
    public void Refuses_a_file_that_does_not_belong_to_the_model(string name)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(directory, name))!);
        File.WriteAllText(Path.Combine(directory, name), "");
        Assert.Contains("does not belong", Assert.Throws<RefusedException>(Prepare).Message);
    }

    [Theory]
    [InlineData("model.safetensors.sealed")]
    [InlineData("manifest.json")]
    public void Refuses_a_link_even_to_the_very_same_file(string name)
    {
        MoveAway(name, to => File.CreateSymbolicLink(Path.Combine(directory, name), to));
        Assert.Contains("symbolic link", Assert.Throws<RefusedException>(Prepare).Message);
    }

    [Fact]
    public void Refuses_a_file_that_became_a_link_after_the_manifest_was_read()
    {
        var prepared = Prepare();
        MoveAway("model.safetensors.sealed", to => File.CreateSymbolicLink(Weights, to));
        using var keys = Secret.CopyOf(model.FileKeys);
        Assert.Contains("symbolic link", Assert.Throws<RefusedException>(() => prepared.Open(keys, null, false, _ => { }, CancellationToken.None)).Message);
    }

    [Theory]
    [InlineData("model.safetensors.sealed")]
    [InlineData("manifest.json")]
    public async Task Refuses_a_pipe_without_waiting_for_its_writer(string name)
    {
        MoveAway(name, _ => Run("mkfifo", Path.Combine(directory, name)));
        var opening = Task.Run(() => Open(), TestContext.Current.CancellationToken);
        var refusal = await Assert.ThrowsAsync<RefusedException>(() => opening.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        Assert.Contains("not a regular file", refusal.Message);
    }

    [Fact]
    public void Refuses_a_publisher_who_is_not_pinned()
    {
        using var other = ScriptedBroker.NewKey();
        Assert.Contains("does not trust", Assert.Throws<RefusedException>(() => SealedModel.Prepare(directory, [other.PublicKey], memory)).Message);
    }

    [Fact]
    public void Refuses_a_changed_manifest()
    {
        var path = Path.Combine(directory, "manifest.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"name\":\"tiny\"", "\"name\":\"tinx\"", StringComparison.Ordinal));
        Assert.Contains("signature", Assert.Throws<RefusedException>(() => Prepare()).Message);
    }

    [Fact]
    public void Refuses_what_a_holder_of_the_key_forged_when_the_tree_is_checked()
    {
        var identity = model.Manifest.Identity(1);
        using var encryptor = ChunkEncryptor.Create(model.FileKeys.AsSpan(32, 32), identity);
        var forged = new byte[model.Manifest.Files[1].SealedLength];
        encryptor.Header.CopyTo(forged);
        encryptor.Encrypt(0, new byte[model.Manifest.Files[1].Length], forged.AsSpan(SealedLayout.HeaderSize), final: true);
        File.WriteAllBytes(Weights, forged);
        Assert.Contains("tree", Assert.Throws<RefusedException>(() => Open()).Message);
        using var keys = Secret.CopyOf(model.FileKeys);
        Assert.NotEmpty(Prepare().Open(keys, null, checkTree: false, _ => { }, TestContext.Current.CancellationToken)); // why a policy may demand the check
    }

    [Fact]
    public void Refuses_keys_that_are_not_one_for_each_file()
    {
        using var keys = Secret.CopyOf(model.FileKeys.AsSpan(0, 64));
        Assert.Throws<RefusedException>(() => Prepare().Open(keys, null, false, _ => { }, TestContext.Current.CancellationToken));
    }

    public void Dispose()
    {
        memory.Dispose();
        model.Dispose();
        Directory.Delete(directory, recursive: true);
        Directory.Delete(away, recursive: true);
    }

    private void MoveAway(string name, Action<string> replace)
    {
        File.Move(Path.Combine(directory, name), Path.Combine(away, name));
        replace(Path.Combine(away, name));
    }

    private static void Run(string program, string argument)
    {
        using var process = global::System.Diagnostics.Process.Start(program, argument);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private SealedModel Prepare() => SealedModel.Prepare(directory, [model.Publisher.PublicKey], memory);

    private IReadOnlyList<Strongroom.Weights.Formats.ModelFile> Open(bool checkTree = true)
    {
        using var keys = Secret.CopyOf(model.FileKeys);
        return Prepare().Open(keys, null, checkTree, _ => { }, TestContext.Current.CancellationToken);
    }
}
