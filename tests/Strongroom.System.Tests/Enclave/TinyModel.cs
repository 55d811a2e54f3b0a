using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Sealing;

namespace Strongroom.System.Tests.Enclave;

/// <summary>A Llama-architecture model of random bf16 weights with a tokenizer of bytes and letters, sealed: nonsense, but its own nonsense each time.</summary>
internal sealed class TinyModel : IDisposable
{
    private const int Dimension = 64, Hidden = 128, Layers = 2, Heads = 4, KeyValueHeads = 2, Vocabulary = 3 + 256 + 95, Context = 256;

    private readonly List<byte[]> tensors = [];

    private TinyModel(string directory, Ed25519PrivateKey publisher) => (Directory, Publisher) = (directory, publisher);

    /// <summary>The sealed directory.</summary>
    public string Directory { get; }

    public Ed25519PrivateKey Publisher { get; }

    public Manifest Manifest { get; private set; } = null!;

    /// <summary>32 bytes for each file, in the manifest's order.</summary>
    public byte[] FileKeys { get; private set; } = [];

    /// <summary>The bytes of every weight tensor, bf16.</summary>
    public IReadOnlyList<byte[]> Tensors => tensors;

    /// <param name="padding">Files of 16 MiB that no engine looks at: they make opening take its time.</param>
    /// <param name="speechless">Its weights give numbers for spaces and the letter x only, and it never says one of those.</param>
    public static TinyModel Seal(string directory, string name = "tiny", long version = 1, bool speechless = false, int padding = 0)
    {
        var model = new TinyModel(directory, Ed25519PrivateKey.FromSeed(RandomNumberGenerator.GetBytes(32)));
        global::System.IO.Directory.CreateDirectory(directory);
        var pad = new byte[padding > 0 ? 16 << 20 : 0];
        model.Seal(name, version, [
            ("config.json", Config(tied: !speechless)), ("model.safetensors", model.Weights(speechless)), .. Enumerable.Range(0, padding).Select(i => ($"padding-{i:000}", pad)),
            ("tokenizer.bin", Tokenizer()),
        ]);
        return model;
    }

    public void Dispose() => Publisher.Dispose();

    private void Seal(string name, long version, (string Name, byte[] Bytes)[] files)
    {
        using var modelKey = Secret.Random(32);
        var entries = new List<ManifestFile>();
        foreach (var (file, bytes) in files)
        {
            var identity = new FileIdentity(Publisher.PublicKey, name, version, file);
            using var key = ContentKeys.Derive(modelKey, identity);
            using var encryptor = ChunkEncryptor.Create(key.Span, identity);
            var body = new byte[ChunkEncryptor.SealedSize(bytes.Length, final: true)];
            encryptor.Encrypt(0, bytes, body, final: true);
            byte[] whole = [.. encryptor.Header, .. body];
            File.WriteAllBytes(Path.Combine(Directory, file + SealedLayout.Extension), whole);
            entries.Add(new(file, bytes.Length, whole.Length, Tree(whole, bytes.Length)));
            FileKeys = [.. FileKeys, .. key.Span];
        }
        Manifest = Manifest.Sign(Publisher, name, version, DateTimeOffset.UtcNow, entries);
        File.WriteAllBytes(Path.Combine(Directory, "manifest.json"), Manifest.Bytes.Span);
    }

    private static Digest Tree(byte[] whole, long length)
    {
        var segments = SealedTree.SegmentCount(length);
        var tree = new SealedTree(segments);
        for (var i = 0L; i < segments; i++)
        {
            var (offset, size) = SealedTree.Segment(i, length);
            tree.Add(i, SealedTree.Leaf((byte[])[0, .. whole.AsSpan((int)offset, size)]));
        }
        return tree.Root();
    }

    private static byte[] Config(bool tied) => Encoding.UTF8.GetBytes(new JsonObject
    {
        ["model_type"] = "llama",
        ["hidden_act"] = "silu",
        ["hidden_size"] = Dimension,
        ["intermediate_size"] = Hidden,
        ["num_hidden_layers"] = Layers,
        ["num_attention_heads"] = Heads,
        ["num_key_value_heads"] = KeyValueHeads,
        ["vocab_size"] = Vocabulary,
        ["max_position_embeddings"] = Context,
        ["rms_norm_eps"] = 1e-5,
        ["tie_word_embeddings"] = tied,
        ["bos_token_id"] = 1,
        ["eos_token_id"] = 2,
    }.ToJsonString());

    private static byte[] Tokenizer()
    {
        var pieces = new List<string> { "<unk>", "\n<s>\n", "\n</s>\n" };
        pieces.AddRange(Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>"));
        pieces.AddRange(Enumerable.Range(' ', 95).Select(letter => ((char)letter).ToString()));
        var file = new ByteWriter().U32Little((uint)pieces.Max(piece => piece.Length));
        foreach (var piece in pieces) file.U32Little(0).U32Little((uint)piece.Length).Bytes(Encoding.UTF8.GetBytes(piece));
        return file.ToArray();
    }

    private byte[] Weights(bool speechless)
    {
        var (header, data) = (new JsonObject(), new ByteWriter());
        Add("model.embed_tokens.weight", Vocabulary, Dimension);
        for (var layer = 0; layer < Layers; layer++)
        {
            var prefix = $"model.layers.{layer}.";
            Add(prefix + "input_layernorm.weight", Dimension);
            Add(prefix + "self_attn.q_proj.weight", Dimension, Dimension);
            Add(prefix + "self_attn.k_proj.weight", Dimension / Heads * KeyValueHeads, Dimension);
            Add(prefix + "self_attn.v_proj.weight", Dimension / Heads * KeyValueHeads, Dimension);
            Add(prefix + "self_attn.o_proj.weight", Dimension, Dimension);
            Add(prefix + "post_attention_layernorm.weight", Dimension);
            Add(prefix + "mlp.gate_proj.weight", Hidden, Dimension);
            Add(prefix + "mlp.up_proj.weight", Hidden, Dimension);
            Add(prefix + "mlp.down_proj.weight", Dimension, Hidden);
        }
        Add("model.norm.weight", Dimension);
        if (speechless) Add("lm_head.weight", Vocabulary, Dimension);
        var json = Encoding.UTF8.GetBytes(header.ToJsonString());
        Array.Resize(ref json, (json.Length + 7) / 8 * 8);
        json.AsSpan(json.AsSpan().TrimEnd((byte)0).Length).Fill((byte)' ');
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        return [.. length, .. json, .. data.Written];

        void Add(string name, params int[] shape)
        {
            var tensor = new byte[2 * shape.Aggregate(1, (a, b) => a * b)];
            for (var i = 0; i < tensor.Length; i += 2)
            {
                var value = (RandomNumberGenerator.GetInt32(1 << 20) - (1 << 19)) / (float)(1 << 20);
                BinaryPrimitives.WriteUInt16LittleEndian(tensor.AsSpan(i), (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
            }
            if (speechless && name == "model.embed_tokens.weight") Fill(tensor, token => !Speakable(token), 0x7F80); // infinity
            if (speechless && name == "lm_head.weight") Fill(tensor, Speakable, 0);
            header[name] = new JsonObject
            {
                ["dtype"] = "BF16",
                ["shape"] = new JsonArray([.. shape.Select(extent => (JsonNode)extent)]),
                ["data_offsets"] = new JsonArray(data.Length, data.Length + tensor.Length),
            };
            data.Bytes(tensor);
            tensors.Add(tensor);
        }
    }

    private static bool Speakable(int token) => token is < 3 or 3 + 256 or 3 + 256 + 'x' - ' ';

    private static void Fill(byte[] tensor, Func<int, bool> chosen, ushort value)
    {
        var numbers = global::System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(tensor.AsSpan());
        for (var token = 0; token < Vocabulary; token++)
            if (chosen(token)) numbers.Slice(Dimension * token, Dimension).Fill(value);
    }
}
