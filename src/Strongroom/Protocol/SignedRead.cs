using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;

namespace Strongroom.Protocol;

/// <summary>
/// A person's signature on one HTTP exchange that writes nothing into the ledger: lists that hold names, and the table of names itself. Sent as
/// <c>Authorization: Strongroom</c> and the base64 of this record; accepted within <see cref="Command.ClockWindow"/>.
/// </summary>
/// <param name="Method">The HTTP method in capitals.</param>
/// <param name="Path">The path with its query, as sent.</param>
/// <param name="Body">SHA-256 of the body; of nothing where there is none.</param>
/// <param name="Signature">Ed25519 over <c>strongroom/read/v1</c> and the six values before it, each after a line feed.</param>
public sealed record SignedRead(string Ledger, string By, DateTimeOffset At, string Method, string Path, Digest Body, ReadOnlyMemory<byte> Signature)
{
    public const string Scheme = "Strongroom";

    public static SignedRead Sign(
        string ledger, string by, DateTimeOffset at, string method, string path, ReadOnlySpan<byte> body, Ed25519PrivateKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var unsigned = new SignedRead(ledger, by, Timestamp.WholeSecond(at), method, path, Digest.Of(body), default);
        return unsigned with { Signature = key.Sign(unsigned.ToBeSigned()) };
    }

    /// <exception cref="MalformedException">Not what <see cref="ToHeader"/> writes.</exception>
    public static SignedRead Parse(string parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        var bytes = new byte[parameter.Length];
        return Convert.TryFromBase64String(parameter, bytes, out var length)
            ? CanonicalJson.Parse(bytes.AsSpan(0, length), ProtocolJson.Default.SignedRead, 4096)
            : throw new MalformedException(-1, "the authorization is not base64");
    }

    /// <summary>The header's parameter, what follows the scheme.</summary>
    public string ToHeader() => Convert.ToBase64String(CanonicalJson.Serialize(this, ProtocolJson.Default.SignedRead));

    /// <summary>Every reason why this does not authorise the exchange; empty if it does.</summary>
    public IReadOnlyList<string> Refusals(LedgerState state, string method, string path, Digest body, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(state);
        var reasons = new List<string>();
        if (Ledger != state.Origin) reasons.Add("it is meant for another ledger");
        if (Method != method || Path != path || Body != body) reasons.Add("it was signed for another request");
        if ((At - now).Duration() > Command.ClockWindow) reasons.Add("it was signed more than five minutes from now, by the broker's clock");
        if (state.Access.ActivePerson(By) is not { } person) reasons.Add($"{By} is not an enrolled person");
        else if (!person.Key.Verify(ToBeSigned(), Signature.Span)) reasons.Add($"the signature is not one of {By}");
        return reasons;
    }

    private byte[] ToBeSigned() =>
        System.Text.Encoding.UTF8.GetBytes($"strongroom/read/v1\n{Ledger}\n{By}\n{Timestamp.Format(At)}\n{Method}\n{Path}\n{Body}");
}
