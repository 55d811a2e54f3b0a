using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Keys;
using Strongroom.Sealing;

namespace Strongroom.Cli.Sealing;

/// <summary>
/// What <c>seal --resume</c> goes by: the wrapped model key, then a line for each finished file, each line authenticated under the model key. Gone when
/// the model is complete. Holding it open keeps a second sealing out of the directory.
/// </summary>
internal sealed class SealingJournal : IDisposable
{
    internal const string FileName = ".sealing";

    private readonly FileStream file;
    private readonly Secret key;
    private readonly Dictionary<string, Finished> finished = new(StringComparer.Ordinal);

    private SealingJournal(FileStream file, Secret modelKey)
    {
        this.file = file;
        ModelKey = modelKey;
        key = new(32);
        Hkdf.Expand(HashAlgorithmName.SHA256, modelKey.Span, "strongroom/sealing-journal/v1"u8, key.Span);
    }

    internal Secret ModelKey { get; }

    internal static Task<SealingJournal> StartAsync(string path, SealingPlan plan, KeyProvider custody, CancellationToken cancellation) =>
        BeginAsync(new(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0), plan, custody, cancellation);

    /// <exception cref="UsageException">There is nothing to resume.</exception>
    /// <exception cref="RefusedException">It was begun with another name, version, publisher or custody key.</exception>
    internal static async Task<SealingJournal> ResumeAsync(string path, SealingPlan plan, KeyProvider custody, CancellationToken cancellation)
    {
        if (!File.Exists(path)) throw new UsageException($"there is nothing to resume in {Path.GetDirectoryName(path)}; seal without --resume into a new directory");
        var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        using var text = new MemoryStream();
        file.CopyTo(text);
        var lines = text.ToArray().AsMemory();
        var end = lines.Span.IndexOf((byte)'\n');
        if (end < 0) return await BeginAsync(file, plan, custody, cancellation); // killed before there was anything to keep
        var header = CanonicalJson.Parse(lines.Span[..end], JournalJson.Default.JournalHeader);
        if (header.Plan != plan) throw new RefusedException($"the sealing was begun as {header.Plan.Name} version {header.Plan.Version}, with its own publisher and custody key; resume it as that");
        var journal = new SealingJournal(file, await custody.UnwrapAsync(header.Wrapped, Context(plan), cancellation));
        foreach (var line in lines[(end + 1)..].Span.Split((byte)'\n')) journal.Recall(lines[(end + 1)..].Span[line]);
        return journal;
    }

    /// <summary>The tree root of a file that an earlier run finished and that has not changed since; the caller compares it with the sealed bytes.</summary>
    internal Digest? Find(PlainFile plain) =>
        finished.TryGetValue(plain.Name, out var entry) && entry.Length == plain.Length && entry.Modified == $"{plain.Modified}" ? Digest.Parse(entry.TreeRoot) : null;

    internal void Add(PlainFile plain, Digest treeRoot)
    {
        var entry = new Finished(plain.Name, plain.Length, $"{plain.Modified}", treeRoot.ToString(), []);
        file.Seek(0, SeekOrigin.End);
        file.Write([(byte)'\n', .. CanonicalJson.Serialize(entry with { Mac = Mac(entry) }, JournalJson.Default.Finished), (byte)'\n']);
    }

    public void Dispose()
    {
        file.Dispose();
        key.Dispose();
        ModelKey.Dispose();
    }

    private static async Task<SealingJournal> BeginAsync(FileStream file, SealingPlan plan, KeyProvider custody, CancellationToken cancellation)
    {
        var modelKey = Secret.Random(ContentKeys.SizeInBytes);
        var header = new JournalHeader("sealing.v1", plan, await custody.WrapAsync(modelKey, Context(plan), cancellation));
        file.SetLength(0);
        file.Position = 0;
        file.Write([.. CanonicalJson.Serialize(header, JournalJson.Default.JournalHeader), (byte)'\n']);
        file.Flush(flushToDisk: true);
        return new(file, modelKey);
    }

    /// <summary>A line that a crash tore, or that somebody wrote, is a file that is not finished.</summary>
    private void Recall(ReadOnlySpan<byte> line)
    {
        if (line.IsEmpty) return;
        try
        {
            var entry = CanonicalJson.Parse(line, JournalJson.Default.Finished);
            if (CryptographicOperations.FixedTimeEquals(Mac(entry), entry.Mac)) finished[entry.Name] = entry;
        }
        catch (MalformedException)
        {
        }
    }

    private byte[] Mac(Finished entry) =>
        CryptographicOperations.HmacData(HashAlgorithmName.SHA256, key.Span, CanonicalJson.Serialize(entry with { Mac = [] }, JournalJson.Default.Finished));

    private static byte[] Context(SealingPlan plan) => CanonicalJson.Serialize(plan, JournalJson.Default.SealingPlan);

    internal sealed record JournalHeader(string Type, SealingPlan Plan, byte[] Wrapped);

    internal sealed record Finished(string Name, long Length, string Modified, string TreeRoot, byte[] Mac);
}

/// <summary>What may not change between a sealing and its resumption.</summary>
internal sealed record SealingPlan(string Name, long Version, string Publisher, string Custody);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, AllowDuplicateProperties = false)]
[JsonSerializable(typeof(SealingJournal.JournalHeader))]
[JsonSerializable(typeof(SealingJournal.Finished))]
[JsonSerializable(typeof(SealingPlan))]
internal sealed partial class JournalJson : JsonSerializerContext;
