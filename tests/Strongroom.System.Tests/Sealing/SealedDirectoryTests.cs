using Strongroom.Cli;
using Strongroom.Cli.Sealing;
using Strongroom.Bytes;
using Strongroom.Keys;
using Strongroom.Sealing;

namespace Strongroom.System.Tests.Sealing;

/// <summary>What an attacker who owns the disk can do to a sealed model: nothing that is not seen.</summary>
public sealed class SealedDirectoryTests : IAsyncLifetime
{
    private readonly SealedWorkspace workspace = new();

    public async ValueTask InitializeAsync() => await workspace.SealAsync();

    public ValueTask DisposeAsync()
    {
        workspace.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("manifest.json")]
    [InlineData("recipients.json")]
    [InlineData("manifest.json.partial")]
    [InlineData(".sealing")]
    [InlineData("tiny.sealed.partial")]
    [InlineData("sub/empty.sealed.partial")]
    public async Task A_directory_with_the_name_of_a_file_that_sealing_makes_is_refused_before_anything_is_written(string name)
    {
        Directory.CreateDirectory(workspace.At($"model/{name}"));
        await File.WriteAllTextAsync(workspace.At($"model/{name}/x"), "x", TestContext.Current.CancellationToken);
        var refused = await Assert.ThrowsAsync<MalformedException>(() => workspace.SealAsync(to: "other"));
        Assert.Contains($"the directory '{name}' has the name of a file that sealing makes", refused.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(workspace.At("other")));
    }

    [Fact]
    public async Task Such_names_are_free_where_sealing_makes_no_file_of_that_name()
    {
        foreach (var name in (string[])["manifest.json", "sub/manifest.json/x", "sub/.sealing/x", "recipients.json"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(workspace.At($"model/{name}"))!);
            await File.WriteAllTextAsync(workspace.At($"model/{name}"), "x", TestContext.Current.CancellationToken);
        }
        await workspace.SealAsync(to: "other");
        Assert.Null(workspace.Check("other", checkTree: true));
    }

    [Fact]
    public void A_model_as_it_was_sealed_passes()
    {
        Assert.Null(workspace.Check());
        Assert.Null(workspace.Check(checkTree: true));
    }

    [Theory, InlineData("manifest.json"), InlineData("recipients.json"), InlineData("tiny.sealed"), InlineData("sub/empty.sealed")]
    public void Refuses_a_flipped_bit_in_every_byte_of_every_file(string name)
    {
        var path = workspace.At($"sealed/{name}");
        var bytes = File.ReadAllBytes(path);
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= (byte)(1 << (i % 8));
            File.WriteAllBytes(path, bytes);
            workspace.Refusal();
            bytes[i] ^= (byte)(1 << (i % 8));
        }
    }

    [Theory, InlineData("manifest.json"), InlineData("recipients.json"), InlineData("tiny.sealed")]
    public void Refuses_a_file_that_was_cut_at_any_byte_or_appended_to(string name)
    {
        var path = workspace.At($"sealed/{name}");
        var bytes = File.ReadAllBytes(path);
        for (var length = 0; length < bytes.Length; length++)
        {
            File.WriteAllBytes(path, bytes[..length]);
            workspace.Refusal();
        }
        File.WriteAllBytes(path, [.. bytes, 0]);
        workspace.Refusal();
    }

    [Fact]
    public void Refuses_swapped_chunks()
    {
        var path = workspace.At("sealed/two-chunks.bin.sealed");
        var bytes = File.ReadAllBytes(path);
        byte[] swapped = [.. bytes[..56], .. bytes[(56 + 16400)..(56 + 32800)], .. bytes[56..(56 + 16400)], .. bytes[(56 + 32800)..]];
        File.WriteAllBytes(path, swapped);
        Assert.Contains("chunk 0", workspace.Refusal(), StringComparison.Ordinal);
        Assert.Contains("tree", Unkeyed(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_a_file_of_another_model_or_version_or_place()
    {
        await workspace.SealAsync(to: "next", version: 2);
        File.Copy(workspace.At("next/tiny.sealed"), workspace.At("sealed/tiny.sealed"), overwrite: true);
        Assert.Contains("tiny", workspace.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_extra_and_missing_files()
    {
        File.WriteAllText(workspace.At("sealed/extra"), "");
        Assert.Contains("does not belong", workspace.Refusal(), StringComparison.Ordinal);
        File.Delete(workspace.At("sealed/extra"));
        Directory.CreateDirectory(workspace.At("sealed/empty-directory"));
        Assert.Contains("does not belong", workspace.Refusal(), StringComparison.Ordinal);
        Directory.Delete(workspace.At("sealed/empty-directory"));
        foreach (var name in new[] { "tiny.sealed", "recipients.json", "manifest.json" })
        {
            File.Move(workspace.At($"sealed/{name}"), workspace.At("aside"));
            Assert.Contains("missing", workspace.Refusal(), StringComparison.Ordinal);
            File.Move(workspace.At("aside"), workspace.At($"sealed/{name}"));
        }
    }

    [Fact]
    public void Refuses_symbolic_links_in_a_sealed_directory()
    {
        File.Move(workspace.At("sealed/tiny.sealed"), workspace.At("elsewhere"));
        File.CreateSymbolicLink(workspace.At("sealed/tiny.sealed"), workspace.At("elsewhere"));
        Assert.Contains("symbolic link", workspace.Refusal(), StringComparison.Ordinal);
        File.Delete(workspace.At("sealed/tiny.sealed"));
        File.Move(workspace.At("elsewhere"), workspace.At("sealed/tiny.sealed"));
        Directory.Move(workspace.At("sealed/sub"), workspace.At("elsewhere"));
        Directory.CreateSymbolicLink(workspace.At("sealed/sub"), workspace.At("elsewhere"));
        Assert.Contains("symbolic link", workspace.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_another_publisher_even_with_the_custody_key()
    {
        using var stranger = new SealedWorkspace();
        File.Copy(workspace.At("K.key"), stranger.At("K.key"), overwrite: true);
        await stranger.SealAsync();
        Directory.Delete(workspace.At("sealed"), recursive: true);
        Directory.Move(stranger.At("sealed"), workspace.At("sealed"));
        Assert.Contains("signed by", workspace.Refusal(), StringComparison.Ordinal);
    }

    /// <summary>The limit of the chunk layer, and what the tree is for: a holder of the model's key re-encrypts a file under the signed manifest.</summary>
    [Fact]
    public async Task A_forgery_by_a_holder_of_the_model_key_is_seen_by_the_tree_only()
    {
        var model = SealedDirectory.Read(workspace.At("sealed"));
        using (var custody = KeyProvider.Open($"file:{workspace.At("K.key")}"))
        using (var key = await custody.UnwrapModelKeyAsync(model.Recipients, TestContext.Current.CancellationToken))
        {
            var file = Enumerable.Range(0, 3).Single(i => model.Manifest.Files[i].Name == "tiny");
            using var fileKey = ContentKeys.Derive(key, model.Manifest, file);
            using var forger = ChunkEncryptor.Create(fileKey.Span, model.Manifest.Identity(file));
            var chunk = new byte[20];
            forger.Encrypt(0, "evil"u8, chunk, final: true);
            File.WriteAllBytes(workspace.At("sealed/tiny.sealed"), [.. forger.Header, .. chunk]);
        }
        Assert.Null(workspace.Check());
        Assert.Contains("tree", workspace.Refusal(checkTree: true), StringComparison.Ordinal);
        Assert.Contains("tree", Unkeyed(), StringComparison.Ordinal);
    }

    [Fact]
    public void Sealing_refuses_links_unless_told_to_follow()
    {
        File.WriteAllText(workspace.At("outside"), "from elsewhere");
        File.CreateSymbolicLink(workspace.At("model/link"), workspace.At("outside"));
        Assert.Throws<UsageException>(() => PlainModel.List(workspace.At("model"), followLinks: false));
        Assert.Contains(PlainModel.List(workspace.At("model"), followLinks: true), file => file.Name == "link" && file.Length == 14);
    }

    [Fact]
    public void Sealing_refuses_names_that_collide_elsewhere()
    {
        File.WriteAllText(workspace.At("model/TINY"), "");
        Assert.Throws<MalformedException>(() => PlainModel.List(workspace.At("model"), followLinks: false));
    }

    [Fact]
    public async Task Sealing_notices_a_file_that_changes_meanwhile()
    {
        var files = PlainModel.List(workspace.At("model"), followLinks: false);
        File.AppendAllText(workspace.At("model/tiny"), "more");
        using var custody = KeyProvider.Open($"file:{workspace.At("K.key")}");
        using var publisher = PublisherKeys.Open(workspace.At("K.key.publisher"), null);
        var sealer = new Sealer(workspace.At("changed"), custody, publisher, []);
        await Assert.ThrowsAsync<IOException>(() => sealer.SealAsync(files, "model", 1, false, false, SealedWorkspace.Now, new Progress<long>(), CancellationToken.None));
        Assert.False(File.Exists(workspace.At("changed/manifest.json")));
    }

    /// <summary>What an auditor without any key finds.</summary>
    private string Unkeyed() =>
        Assert.Throws<RefusedException>(() => new Opener(SealedDirectory.Read(workspace.At("sealed")), null, new Progress<long>(), CancellationToken.None).Verify(checkTree: true)).Message;
}
