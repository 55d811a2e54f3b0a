using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Sealing;

namespace Strongroom.Tests.Sealing;

/// <summary>manifest.json: one spelling, signed, bounded; whoever changes a bit is refused.</summary>
public sealed class ManifestTests
{
    private readonly SealedModel model = SealedModel.Create();

    [Fact]
    public void What_parses_writes_the_same_bytes()
    {
        var parsed = Manifest.Parse(model.Manifest.Bytes.Span);
        Assert.Equal(model.Manifest.Bytes.Span, parsed.Bytes.Span);
        Assert.Equal(model.Manifest.ModelDigest, parsed.ModelDigest);
        Assert.True(parsed.IsFrom(model.Publisher.PublicKey));
        Assert.False(parsed.IsFrom(SealedModel.Create().Publisher.PublicKey));
        Assert.Equal(SealedModel.Created, parsed.Created);
    }

    [Fact]
    public void The_digest_is_that_of_the_bytes_without_the_signature()
    {
        var node = JsonNode.Parse(model.Manifest.Bytes.Span)!.AsObject();
        node.Remove("signature");
        Assert.Equal(Digest.Of(CanonicalJson.Write(node)), model.Manifest.ModelDigest);
    }

    [Fact]
    public void Refuses_any_flipped_bit()
    {
        var bytes = model.Manifest.Bytes.ToArray();
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.True(IsRefused(bytes), $"bit {bit}: {Encoding.UTF8.GetString(bytes)}");
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Refuses_a_manifest_that_was_cut_at_any_byte()
    {
        var bytes = model.Manifest.Bytes.ToArray();
        for (var length = 0; length < bytes.Length; length++) Assert.True(IsRefused(bytes[..length]), $"cut to {length}");
    }

    [Fact]
    public void Refuses_another_spelling_of_the_same_content()
    {
        var text = Encoding.UTF8.GetString(model.Manifest.Bytes.Span);
        Assert.True(IsRefused(Encoding.UTF8.GetBytes(text + "\n")));
        Assert.True(IsRefused(Encoding.UTF8.GetBytes(text.Replace(",", ", ", StringComparison.Ordinal))));
        Assert.True(IsRefused(Encoding.UTF8.GetBytes(text.Replace("\"version\":1", "\"version\":1.0", StringComparison.Ordinal))));
    }

    [Fact]
    public void Refuses_a_manifest_signed_by_another_key()
    {
        var stolen = JsonNode.Parse(model.Manifest.Bytes.Span)!.AsObject();
        stolen["publisher"] = SealedModel.Create().Publisher.PublicKey.ToString();
        Assert.Throws<RefusedException>(() => Manifest.Parse(CanonicalJson.Write(stolen)));
    }

    [Fact]
    public void Refuses_unknown_fields_even_when_signed()
    {
        AssertRefused(node => node["note"] = "hello");
        AssertRefused(node => node["type"] = "manifest.v2");
        AssertRefused(node => node["files"]![0]!["mode"] = "0644");
        AssertRefused(node => node["extensions"] = new JsonObject { ["critical"] = new JsonArray(), ["values"] = new JsonObject(), ["more"] = "x" });
    }

    [Fact]
    public void Refuses_missing_fields_even_when_signed()
    {
        foreach (var name in new[] { "type", "name", "version", "publisher", "created", "files" }) AssertRefused(node => node.Remove(name));
        foreach (var name in new[] { "name", "length", "sealed_length", "tree_root" }) AssertRefused(node => node["files"]![0]!.AsObject().Remove(name));
    }

    [Fact]
    public void Refuses_duplicate_members()
    {
        var text = Encoding.UTF8.GetString(model.Manifest.Bytes.Span);
        Assert.True(IsRefused(Encoding.UTF8.GetBytes(text.Replace("\"version\":1", "\"version\":1,\"version\":1", StringComparison.Ordinal))));
    }

    [Theory]
    [InlineData("../a"), InlineData("/etc/passwd"), InlineData("a\\b"), InlineData("B/C"), InlineData("e\u0301")]
    public void Refuses_hostile_names_even_when_signed(string name) => AssertRefused(node => node["files"]![0]!["name"] = name);

    [Fact]
    public void Refuses_duplicate_and_disordered_files()
    {
        AssertRefused(node => node["files"]![1]!["name"] = "a");
        AssertRefused(node => node["files"]![1]!["name"] = "A");
        AssertRefused(node => node["files"]![0]!["name"] = "z");
        AssertRefused(node => node["files"] = new JsonArray());
    }

    [Fact]
    public void Refuses_lengths_that_overflow_or_do_not_belong_together()
    {
        foreach (var length in new JsonNode[] { -1, 1L << 52, long.MaxValue, "10", 10.5 }) AssertRefused(node => node["files"]![0]!["length"] = length.DeepClone());
        AssertRefused(node => node["files"]![0]!["sealed_length"] = 83);
        AssertRefused(node => node["files"]![0]!["length"] = 11);
        AssertRefused(node => node["version"] = 0);
        AssertRefused(node => node["version"] = -1);
        AssertRefused(node => node["files"]![0]!["safetensors"] = new JsonObject { ["header_length"] = 3 });
    }

    [Fact]
    public void Refuses_a_million_entries_without_reading_them()
    {
        var entry = "{\"length\":0,\"name\":\"a\",\"sealed_length\":72,\"tree_root\":\"0000000000000000000000000000000000000000000000000000000000000000\"},";
        var bytes = Encoding.UTF8.GetBytes($"{{\"files\":[{string.Concat(Enumerable.Repeat(entry, 1_000_000)).TrimEnd(',')}]}}");
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<MalformedException>(() => Manifest.Parse(bytes));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20, "it was parsed before its length was looked at");
    }

    [Fact]
    public void Refuses_more_files_than_the_limit_and_accepts_as_many()
    {
        var files = Enumerable.Range(0, Manifest.MaxFiles).Select(i => SealedModel.File($"{i:00000}", i)).ToArray();
        Assert.Equal(Manifest.MaxFiles, Manifest.Parse(Sign(files).Bytes.Span).Files.Count);
        Assert.Throws<MalformedException>(() => Sign([.. files, SealedModel.File("99999", 1)]));
    }

    [Fact]
    public void Carries_extensions_and_refuses_unknown_critical_ones()
    {
        var values = new Dictionary<string, string> { ["org.example/licence"] = "Apache-2.0" };
        var harmless = Manifest.Sign(model.Publisher, "model", 1, SealedModel.Created, model.Manifest.Files, new([], values));
        Assert.Equal("Apache-2.0", Manifest.Parse(harmless.Bytes.Span).Extensions!.Values["org.example/licence"]);
        var critical = Manifest.Sign(model.Publisher, "model", 1, SealedModel.Created, model.Manifest.Files, new(["org.example/licence"], values));
        Assert.Throws<RefusedException>(() => Manifest.Parse(critical.Bytes.Span));
        Assert.Throws<MalformedException>(() => Manifest.Sign(model.Publisher, "model", 1, SealedModel.Created, model.Manifest.Files, new(["org.example/other"], values)));
    }

    [Theory, InlineData(""), InlineData("a/b"), InlineData(".a"), InlineData("a b"), InlineData("a\n"), InlineData("ä")]
    public void Refuses_odd_model_names(string name) => Assert.Throws<MalformedException>(() => Manifest.RequireModelName(name));

    [Theory, InlineData("a", 64), InlineData("0", 64), InlineData("a.b_c-D", 7), InlineData("a", 65), InlineData("-", 1), InlineData("_", 2), InlineData("a/", 2), InlineData("", 0)]
    public void What_can_be_sealed_can_be_added_to_a_ledger_and_nothing_else(string start, int length)
    {
        var name = start.PadRight(length, 'x');
        var canBeAdded = !Rules.WellFormedName("a model's name", name).Any();
        Assert.Equal(canBeAdded, Record.Exception(() => Manifest.RequireModelName(name)) is null);
    }

    private Manifest Sign(IReadOnlyList<ManifestFile> files) => Manifest.Sign(model.Publisher, "model", 1, SealedModel.Created, files);

    /// <summary>Changes the manifest and signs it again with the publisher's own key, so that only the format can refuse.</summary>
    private void AssertRefused(Action<JsonObject> change)
    {
        var node = JsonNode.Parse(model.Manifest.Bytes.Span)!.AsObject();
        node.Remove("signature");
        change(node);
        byte[] unsigned;
        try
        {
            unsigned = CanonicalJson.Write(node);
        }
        catch (ArgumentException)
        {
            unsigned = Encoding.UTF8.GetBytes(node.ToJsonString()); // a value that canonical JSON cannot even write
        }
        var signed = JsonNode.Parse(unsigned)!.AsObject();
        signed["signature"] = Convert.ToBase64String(model.Publisher.Sign([.. "strongroom/manifest/v1\n"u8, .. unsigned]));
        Assert.True(IsRefused(Encoding.UTF8.GetBytes(Sorted(signed))), node.ToJsonString());
    }

    private static string Sorted(JsonObject node)
    {
        try
        {
            return Encoding.UTF8.GetString(CanonicalJson.Write(node));
        }
        catch (ArgumentException)
        {
            return node.ToJsonString();
        }
    }

    private static bool IsRefused(byte[] bytes)
    {
        try
        {
            Manifest.Parse(bytes);
            return false;
        }
        catch (Exception e) when (e is MalformedException or RefusedException)
        {
            return true;
        }
    }
}
