using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json.Serialization.Metadata;
using Strongroom.Bytes;

namespace Strongroom.Broker.Release;

/// <summary>
/// Challenges that cost nothing until they are answered. What one is bound to travels inside its id, under a MAC whose key this process made and nobody
/// else has: however many a flood asks for, there is no place that it could take from a machine. A restart makes another key and so forgets them all,
/// which refuses, never allows.
/// </summary>
/// <remarks>
/// An answer spends a challenge only once it has proved something: then its id is remembered until it would be over anyway. A wrong answer spends
/// nothing, so that nobody can spend a machine's challenge for it, and gains nothing, since it will be no better the second time.
/// </remarks>
/// <typeparam name="T">What the challenge is bound to; nothing in it is secret.</typeparam>
internal sealed class Challenges<T>(TimeProvider clock, TimeSpan timeToLive, JsonTypeInfo<T> type) : IDisposable where T : class
{
    /// <summary>Most challenges of one machine that are remembered as spent at a time: it alone is told to wait when it answers more.</summary>
    public const int MostSpent = 256;

    private const byte AsTag = 0, AsSecret = 1; // first byte of what is hashed, so that no tag is ever a secret
    private const int TagSizeInBytes = HMACSHA256.HashSizeInBytes, DueSizeInBytes = 8, NonceSizeInBytes = 16;

    private readonly Secret key = Secret.Random(32);
    private readonly Dictionary<string, Dictionary<Digest, long>> spent = []; // by machine: operators enrol them, so their number is bounded
    private readonly Lock gate = new();

    /// <summary>A new challenge and when it ends. Its id is base64url of the tag, the time by this process's own clock, a nonce, and the JSON of <paramref name="bound"/>.</summary>
    public (string Id, Given<T> Given, DateTimeOffset Expires) Give(T bound)
    {
        // Counted on a clock that nobody can set: were it set back, a challenge that was spent and forgotten would live again.
        var due = clock.GetTimestamp() + (long)(timeToLive.TotalSeconds * clock.TimestampFrequency);
        var bytes = new byte[DueSizeInBytes];
        BinaryPrimitives.WriteInt64BigEndian(bytes, due);
        byte[] body = [.. bytes, .. RandomNumberGenerator.GetBytes(NonceSizeInBytes), .. CanonicalJson.Serialize(bound, type)];
        var tag = Mac(AsTag, body);
        return (Base64Url.EncodeToString([.. tag, .. body]), new(bound, Digest.From(tag), due), clock.GetUtcNow() + timeToLive);
    }

    /// <summary>The challenge with this id; null if this process never gave it, or it is over. It may have been answered: <see cref="Spend"/> tells.</summary>
    public Given<T>? Open(string id)
    {
        byte[] bytes;
        try
        {
            bytes = Base64Url.DecodeFromChars(id);
        }
        catch (FormatException)
        {
            return null;
        }
        if (bytes.Length < TagSizeInBytes + DueSizeInBytes + NonceSizeInBytes) return null;
        var (tag, body) = (bytes[..TagSizeInBytes], bytes[TagSizeInBytes..]);
        if (!CryptographicOperations.FixedTimeEquals(tag, Mac(AsTag, body))) return null;
        var due = BinaryPrimitives.ReadInt64BigEndian(body);
        return due > clock.GetTimestamp() ? new(CanonicalJson.Read(body.AsSpan(DueSizeInBytes + NonceSizeInBytes), type, body.Length), Digest.From(tag), due) : null;
    }

    /// <summary>32 bytes that only this process can say of this challenge, the same each time.</summary>
    public Secret SecretOf(Given<T> given) => Secret.Take(Mac(AsSecret, given.Tag.Span));

    /// <summary>Called with evidence that was verified, and before anything is decided on it: of many answers at once only one gets null, and goes on.</summary>
    public Problem? Spend(Given<T> given, string machine)
    {
        lock (gate)
        {
            if (!spent.TryGetValue(machine, out var mine)) spent.Add(machine, mine = []);
            var now = clock.GetTimestamp();
            foreach (var (tag, due) in mine)
            {
                if (due <= now) mine.Remove(tag);
            }
            if (given.Due <= now || mine.ContainsKey(given.Tag)) return Problem.ChallengeSpent;
            if (mine.Count >= MostSpent) return Problem.TooMany;
            mine.Add(given.Tag, given.Due);
            return null;
        }
    }

    public void Dispose() => key.Dispose();

    private byte[] Mac(byte use, ReadOnlySpan<byte> data) => HMACSHA256.HashData(key.Span, [use, .. data]);
}

/// <param name="Tag">Tells this challenge from every other, however its id was spelled.</param>
/// <param name="Due">Timestamp of the broker's clock at which it is over.</param>
internal sealed record Given<T>(T Bound, Digest Tag, long Due);
