using System.CommandLine;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Ledger;
using Strongroom.Protocol;

namespace Strongroom.Cli;

/// <summary>One person talking to one broker, as a profile says: the pinned line, the person's key, and what every signed command starts with.</summary>
internal sealed class Session : IDisposable
{
    internal const string DefaultProfile = "strongroom.json";
    internal const string Variable = "STRONGROOM_PROFILE";

    internal static readonly Option<string?> ProfileOption = new("--profile")
    {
        Description = $"Who you are and which broker you trust; {Variable} or ./{DefaultProfile} if left out",
    };

    internal static readonly Option<string?> PassphraseOption = Sealing.SealedModelOptions.PassphraseOption();

    private readonly HttpClient http;
    private readonly Ed25519PrivateKey? key;

    private Session(ClientProfile profile, Ed25519PrivateKey? key)
    {
        (Profile, this.key) = (profile, key);
        http = Connect(profile);
        Broker = new(http, key is null || profile.Person is null ? null : new ReadSigner(Ledger, profile.Person, key, TimeProvider.System));
    }

    internal ClientProfile Profile { get; }

    internal BrokerClient Broker { get; }

    /// <summary>Origin of the ledger that every command is meant for.</summary>
    internal string Ledger => Profile.LedgerKey.Name;

    internal string Person => Profile.Person ?? throw new UsageException("the profile names no person; use one that does");

    internal static DateTimeOffset Now => Timestamp.WholeSecond(TimeProvider.System.GetUtcNow());

    /// <summary>
    /// The end of the longest time that a policy allows, less what this clock may be ahead of the broker's: otherwise a clock that is fast by a second
    /// makes an approval that does not count.
    /// </summary>
    internal static DateTimeOffset Within(long seconds) => Now.AddSeconds(seconds - Math.Min((long)Facts.Command.ClockWindow.TotalSeconds, seconds / 2));

    /// <exception cref="FileNotFoundException">There is no profile or no key.</exception>
    /// <exception cref="MalformedException">The profile is none.</exception>
    internal static Session Open(ParseResult parsed, Terminal terminal)
    {
        var profile = FindProfile(parsed.GetValue(ProfileOption));
        return new(profile, profile.Key is null ? null : SigningKey.Open(profile.Key, SigningKey.Person, parsed.GetValue(PassphraseOption), terminal));
    }

    /// <summary>The profile named on the command line, else in the environment, else in this directory; the path of its key made absolute.</summary>
    internal static ClientProfile FindProfile(string? named)
    {
        var path = named ?? Environment.GetEnvironmentVariable(Variable) ?? DefaultProfile;
        if (!File.Exists(path)) throw new FileNotFoundException($"there is no profile {path} (strongroom init wrote one for each person; name yours with --profile or in {Variable})");
        try
        {
            var profile = ClientProfile.Parse(File.ReadAllBytes(path));
            return profile.Key is null ? profile : profile with { Key = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, profile.Key) };
        }
        catch (MalformedException e)
        {
            throw new MalformedException(-1, $"{path}: {e.Message}");
        }
    }

    /// <summary>The record at this place of the ledger, proved under a checkpoint that the pinned ledger and every pinned witness signed: the broker cannot show each person another.</summary>
    /// <exception cref="RefusedException">It is not there, or not proved.</exception>
    internal async Task<LedgerRecord> RecordAsync(long index, CancellationToken cancel)
    {
        var reader = new LedgerReader(ReadAsync);
        var head = await reader.CheckpointAsync(cancel);
        var size = LedgerTrust.Require(head, Profile.LedgerKey, Profile.Witnesses).Size;
        if (index < 0 || index >= size) throw new RefusedException($"the witnessed ledger has no entry {index}");
        return LedgerRecord.Parse((await reader.ProvedEntryAsync(index, head, cancel)).Span);
    }

    internal ProposeChange Propose(TrustChange change) => new(Ledger, Facts.Command.NewId(), Person, Now, change);

    internal SignedCommand Sign(Facts.Command command) =>
        SignedCommand.Sign(command, key ?? throw new UsageException("the profile names no key; use one that does"));

    /// <summary>What the broker said becomes the answer and the exit code.</summary>
    /// <param name="done">What is so now, said of the subject: "is enrolled".</param>
    /// <param name="next">What somebody has to do while something is missing; <c>{0}</c> is the subject.</param>
    internal static int Answer(CommandReply reply, Terminal terminal, string done, string next, int whileMissing)
    {
        terminal.Answer(reply, ProtocolJson.Default.CommandReply, text =>
        {
            if (reply.Missing is null) text.WriteLine($"{reply.Subject} {done} (ledger entry {reply.Index})");
            else
            {
                text.WriteLine($"{reply.Subject} waits (ledger entry {reply.Index}); missing:");
                foreach (var missing in reply.Missing) text.WriteLine($"  {missing}");
                text.WriteLine(string.Format(System.Globalization.CultureInfo.InvariantCulture, next, reply.Subject));
            }
        });
        return reply.Missing is null ? ExitCode.Ok : whileMissing;
    }

    public void Dispose()
    {
        http.Dispose();
        key?.Dispose();
    }

    private async Task<ReadOnlyMemory<byte>?> ReadAsync(string path, CancellationToken cancel)
    {
        using var response = await http.GetAsync(new Uri(path, UriKind.Relative), cancel);
        if (response.StatusCode == System.Net.HttpStatusCode.NotFound) return null;
        return response.IsSuccessStatusCode ? await response.Content.ReadAsByteArrayAsync(cancel) : throw new UnavailableException($"the broker answers {(int)response.StatusCode} for {path}");
    }

    /// <summary>The pin alone decides: names, issuers and dates prove nothing that it does not.</summary>
    private static HttpClient Connect(ClientProfile profile)
    {
        var pin = new BrokerPin(profile.BrokerKey);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            SslOptions = new()
            {
                EnabledSslProtocols = System.Security.Authentication.SslProtocols.Tls13,
                RemoteCertificateValidationCallback = (_, certificate, _, _) => pin.Matches(certificate as X509Certificate2),
            },
        };
        return new(handler) { BaseAddress = new(profile.Broker.TrimEnd('/') + "/"), Timeout = TimeSpan.FromSeconds(60), DefaultRequestVersion = new(2, 0) };
    }
}
