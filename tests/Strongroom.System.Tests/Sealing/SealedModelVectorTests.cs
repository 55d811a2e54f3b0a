using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Cli.Sealing;
using Strongroom.Crypto;
using Strongroom.Sealing;

namespace Strongroom.System.Tests.Sealing;

/// <summary>vectors/sealed-model: what any implementation of spec/sealed-model.md must accept and refuse, through the readers of verify and open.</summary>
public sealed class SealedModelVectorTests
{
    private static readonly byte[] Seed = [.. Enumerable.Repeat((byte)1, 32)];
    private static readonly byte[] ModelKey = [.. Enumerable.Repeat((byte)2, 32)];
    private static readonly byte[] RecipientKey = [.. Enumerable.Repeat((byte)3, 32)];

    public static TheoryData<string> Cases => [.. Directory.GetDirectories(Root()).Select(each => Path.GetFileName(each)!).Order()];

    [Theory, MemberData(nameof(Cases))]
    public void Does_what_the_vector_expects(string name)
    {
        var expected = File.ReadLines(Path.Combine(Root(), name, "expect")).First();
        Assert.Contains(expected, new[] { "expect: ok", "expect: refused" });
        var refusal = Record.Exception(() => Open(Path.Combine(Root(), name, "sealed")));
        if (expected == "expect: ok") Assert.Null(refusal);
        else Assert.True(refusal is RefusedException or AuthenticationTagMismatchException, refusal?.ToString() ?? "nothing was refused");
    }

    /// <summary>Run by hand after the format grew: the cases are committed, salts and ephemeral keys are fresh each time.</summary>
    [Fact(Explicit = true)]
    public void Writes_the_vectors_again()
    {
        using var publisher = Ed25519PrivateKey.FromSeed(Seed);
        File.WriteAllText(Path.Combine(Root(), "publisher.pub"), publisher.PublicKey + "\n");
        File.WriteAllText(Path.Combine(Root(), "model-key"), Convert.ToHexStringLower(ModelKey) + "\n");
        File.WriteAllText(Path.Combine(Root(), "recipient-x25519"), Convert.ToHexStringLower(RecipientKey) + "\n");
        Write("ok", "a model of two files, one empty, one of two chunks", _ => { });
        Write("chunk-bit-flipped", "one bit of the second chunk", files => files["two-chunks.sealed"][^1] ^= 1);
        Write("commitment-bit-flipped", "one bit of the key commitment", files => files["two-chunks.sealed"][30] ^= 0x80);
        Write("salt-bit-flipped", "one bit of the salt", files => files["two-chunks.sealed"][0] ^= 1);
        Write("last-chunk-dropped", "cut after the first chunk", files => files["two-chunks.sealed"] = files["two-chunks.sealed"][..(56 + 16400)]);
        Write("file-missing", "a file that the manifest names", files => files.Remove("empty.sealed"));
        Write("file-extra", "a file that the manifest does not name", files => files["extra.sealed"] = files["empty.sealed"]);
        Write("file-repeated", "one file in the place of another", files => files["empty.sealed"] = files["two-chunks.sealed"]);
        Write("manifest-spaces", "the same manifest in another spelling", files => files["manifest.json"] = [.. files["manifest.json"], (byte)'\n']);
        Write("manifest-unsigned", "no signature", files => Edit(files, node => node.Remove("signature")));
        Write("manifest-changed", "another version under the old signature", files => Edit(files, node => node["version"] = 2));
        Write("manifest-unknown-field", "signed, with a member that version 1 does not have", files => Resign(files, node => node["note"] = "x"));
        Write("manifest-parent-name", "signed, a name that leaves the directory", files => Resign(files, node => node["files"]![0]!["name"] = "../empty"));
        Write("manifest-combining-name", "signed, a name with a combining accent", files => Resign(files, node => node["files"]![0]!["name"] = "e\u0301mpty"));
        Write("manifest-critical-extension", "signed, with a critical extension that nobody knows", files => Resign(files, node => node["extensions"] = new JsonObject { ["critical"] = new JsonArray("x"), ["values"] = new JsonObject { ["x"] = "y" } }));
        Write("recipients-mac-flipped", "one bit of the MAC", files => Edit(files, node => node["mac"] = Convert.ToBase64String(new byte[32]), "recipients.json"));
        Write("tree-forged", "content written by a holder of the model's key under the signed manifest: only the tree tells", files => files["empty.sealed"] = Encrypt(Manifest.Parse(files["manifest.json"]), 0, []));
    }

    private static void Open(string path)
    {
        var model = SealedDirectory.Read(path);
        using var publisher = Ed25519PrivateKey.FromSeed(Seed);
        model.RequirePublisher(publisher.PublicKey);
        using var recipient = HpkePrivateKey.From("x25519", RecipientKey);
        using var key = model.Recipients.Open(recipient);
        Assert.Equal(ModelKey, key.Span);
        new Opener(model, key, new Progress<long>(), CancellationToken.None).Verify(checkTree: true);
    }

    private static void Write(string name, string why, Action<Dictionary<string, byte[]>> spoil)
    {
        var files = Make();
        spoil(files);
        var directory = Path.Combine(Root(), name);
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        Directory.CreateDirectory(Path.Combine(directory, "sealed"));
        File.WriteAllText(Path.Combine(directory, "expect"), $"expect: {(name == "ok" ? "ok" : "refused")}\nwhy: {why}\n");
        foreach (var (file, bytes) in files) File.WriteAllBytes(Path.Combine(directory, "sealed", file), bytes);
    }

    private static Dictionary<string, byte[]> Make()
    {
        using var publisher = Ed25519PrivateKey.FromSeed(Seed);
        using var recipient = HpkePrivateKey.From("x25519", RecipientKey);
        using var key = Secret.CopyOf(ModelKey);
        byte[][] plain = [[], [.. Enumerable.Range(0, 16385).Select(i => (byte)(i % 251))]];
        string[] names = ["empty", "two-chunks"];
        var unsigned = Manifest.Sign(publisher, "vector", 1, SealedWorkspace.Now, [.. names.Select((name, i) => new ManifestFile(name, plain[i].Length, SealedLayout.SealedLength(plain[i].Length), Digest.Of([])))]);
        var encrypted = names.Select((_, i) => Encrypt(unsigned, i, plain[i])).ToArray();
        var manifest = Manifest.Sign(publisher, "vector", 1, SealedWorkspace.Now, [.. unsigned.Files.Select((file, i) => file with { TreeRoot = SealedTree.Leaf((byte[])[0, .. encrypted[i]]) })]);
        return new()
        {
            ["manifest.json"] = manifest.Bytes.ToArray(),
            ["recipients.json"] = Recipients.Create(key, manifest.ModelDigest, [Recipients.Wrap(key, manifest.ModelDigest, recipient.PublicKey)]).Bytes.ToArray(),
            ["empty.sealed"] = encrypted[0],
            ["two-chunks.sealed"] = encrypted[1],
        };
    }

    private static byte[] Encrypt(Manifest manifest, int file, byte[] plain)
    {
        using var key = Secret.CopyOf(ModelKey);
        using var fileKey = ContentKeys.Derive(key, manifest, file);
        using var encryptor = ChunkEncryptor.Create(fileKey.Span, manifest.Identity(file));
        var chunks = new byte[ChunkEncryptor.SealedSize(plain.Length, final: true)];
        encryptor.Encrypt(0, plain, chunks, final: true);
        return [.. encryptor.Header, .. chunks];
    }

    private static void Edit(Dictionary<string, byte[]> files, Action<JsonObject> change, string name = "manifest.json")
    {
        var node = JsonNode.Parse(files[name])!.AsObject();
        change(node);
        files[name] = CanonicalJson.Write(JsonNode.Parse(node.ToJsonString()));
    }

    private static void Resign(Dictionary<string, byte[]> files, Action<JsonObject> change)
    {
        Edit(files, node =>
        {
            node.Remove("signature");
            change(node);
        });
        using var publisher = Ed25519PrivateKey.FromSeed(Seed);
        var signature = publisher.Sign([.. "strongroom/manifest/v1\n"u8, .. files["manifest.json"]]);
        Edit(files, node => node["signature"] = Convert.ToBase64String(signature));
    }

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../vectors/sealed-model"));
}
