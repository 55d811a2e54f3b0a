using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Strongroom.Broker.Release;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;

namespace Strongroom.Broker.Kbs;

/// <summary>What a guest was asked; it travels in the cookie, under the broker's MAC.</summary>
/// <param name="Tee">What the guest said that it is: its evidence is judged as that and as nothing else.</param>
internal sealed record GuestChallenge(ReadOnlyMemory<byte> Nonce, DateTimeOffset Issued, string Tee);

/// <summary>The claims of the token, for guests that look when it ends.</summary>
/// <param name="Exp">Seconds since 1970.</param>
/// <param name="Iat">Seconds since 1970.</param>
internal sealed record GuestClaims(long Exp, long Iat);

/// <summary>A guest that has shown what it is: one challenge, one kind of TEE, one key, one machine, and the first resource that it asks for.</summary>
internal sealed class GuestSession(Given<GuestChallenge> given, JweKey key, string machine, GuestAttestation attestation, string token)
{
    private string? resource;

    public Digest Tag => given.Tag;

    public long Due => given.Due;

    public GuestChallenge Asked => given.Bound;

    public JweKey Key => key;

    /// <summary>The enrolled one that the evidence is of.</summary>
    public string Machine => machine;

    public GuestAttestation Attestation => attestation;

    public string Token => token;

    /// <summary>Evidence does not say what it is for. So the first resource is what this session was for, and a guest attests again for another.</summary>
    public bool IsFor(string asked) => (Interlocked.CompareExchange(ref resource, asked, null) ?? asked) == asked;
}

/// <summary>
/// The sessions of guests whose evidence was verified, until their challenge would be over. Only an enrolled machine gets one in, and only its own make room for it, so a
/// flood takes no place from anybody. A restart forgets them, and guests attest again.
/// </summary>
internal sealed class GuestSessions(TimeProvider clock)
{
    /// <summary>Sessions of one machine at a time; each holds evidence of up to 4 MiB.</summary>
    public const int MostOfOneMachine = 4;

    private readonly List<GuestSession> sessions = [];
    private readonly Lock gate = new();

    public void Open(GuestSession session)
    {
        lock (gate)
        {
            sessions.RemoveAll(each => each.Due <= clock.GetTimestamp());
            List<GuestSession> mine = [.. sessions.Where(each => each.Machine == session.Machine)];
            if (mine.Count == MostOfOneMachine) sessions.Remove(mine[0]);
            sessions.Add(session);
        }
    }

    public GuestSession? Find(Digest tag) => Find(session => session.Tag == tag);

    /// <summary>By the whole token: nothing in it is read, so nothing in it can be believed wrongly.</summary>
    public GuestSession? Find(string token)
    {
        var bytes = Encoding.UTF8.GetBytes(token);
        return Find(session => CryptographicOperations.FixedTimeEquals(bytes, Encoding.UTF8.GetBytes(session.Token)));
    }

    /// <summary>A JWT (RFC 7519) under a key that only this challenge has and nobody but this process can make.</summary>
    public static string Token(Secret key, DateTimeOffset issued, DateTimeOffset expires)
    {
        var claims = CanonicalJson.Serialize(new(expires.ToUnixTimeSeconds(), issued.ToUnixTimeSeconds()), KbsJson.Default.GuestClaims);
        var text = $"{Base64Url.EncodeToString("""{"alg":"HS256","typ":"JWT"}"""u8)}.{Base64Url.EncodeToString(claims)}";
        return $"{text}.{Base64Url.EncodeToString(HMACSHA256.HashData(key.Span, Encoding.ASCII.GetBytes(text)))}";
    }

    private GuestSession? Find(Predicate<GuestSession> wanted)
    {
        lock (gate) return sessions.Find(session => session.Due > clock.GetTimestamp() && wanted(session));
    }
}
