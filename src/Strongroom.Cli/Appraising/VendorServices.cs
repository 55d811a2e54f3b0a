using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Strongroom.Bytes;

namespace Strongroom.Cli.Appraising;

/// <summary>
/// The services where vendors publish endorsements. Nothing that they answer is believed for having come from there: it is judged as any file is, by its signatures. Addresses
/// come out of verdicts, which build them from evidence: only those of these five services are ever asked, and no redirection is followed.
/// </summary>
internal sealed partial class VendorServices(HttpClient http, IReadOnlyDictionary<string, string> mirrors)
{
    private const int MaxAttempts = 5;

    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(60);

    /// <summary>Headers in which Intel sends the certificates of who signed the answer, PEM, percent-encoded.</summary>
    private static readonly string[] Chains = ["TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain", "SGX-Enclave-Identity-Issuer-Chain", "SGX-PCK-CRL-Issuer-Chain"];

    /// <summary>By the names that a mirror is given for.</summary>
    internal static IReadOnlyDictionary<string, string> Known { get; } = new Dictionary<string, string>
    {
        ["amd"] = "https://kdsintf.amd.com/",
        ["intel"] = "https://api.trustedservices.intel.com/",
        ["intel-certificates"] = "https://certificates.trustedservices.intel.com/",
        ["nvidia"] = "https://rim.attestation.nvidia.com/",
        ["nvidia-ocsp"] = "http://ocsp.ndis.nvidia.com/",
    };

    [GeneratedRegex(@"https?://[^\s,;()]+")]
    private static partial Regex Address();

    [GeneratedRegex("[^A-Za-z0-9]+")]
    private static partial Regex Strange();

    /// <summary>What a verdict says where to get; empty where it only describes it.</summary>
    internal static IEnumerable<string> AddressesIn(string missing) =>
        Address().Matches(missing).Select(match => match.Value).Where(address => Known.Values.Any(service => address.StartsWith(service, StringComparison.Ordinal)) && !address.Contains('{') && !address.Contains("..", StringComparison.Ordinal));

    /// <summary>Asks again after one, two, four and eight seconds, or when the service says, where it is busy or not there.</summary>
    /// <returns>The answer, and certificates that came in its headers, each with a name for its file.</returns>
    /// <exception cref="UnavailableException">Nothing came, or not what was asked for.</exception>
    internal async Task<IReadOnlyList<(string Name, byte[] Bytes)>> GetAsync(string address, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            var wait = TimeSpan.FromSeconds(1 << (attempt - 1));
            string why;
            try
            {
                using var answer = await http.GetAsync(new Uri(Mirrored(address)), cancel);
                if (answer.IsSuccessStatusCode) return await FilesAsync(address, answer, cancel);
                why = $"{(int)answer.StatusCode} {answer.StatusCode}";
                if (answer.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout) && (int)answer.StatusCode < 500) throw new UnavailableException($"{address}: {why}");
                if (answer.Headers.RetryAfter?.Delta is { } asked) wait = asked < MaxWait ? asked : MaxWait;
            }
            catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancel.IsCancellationRequested))
            {
                why = e.Message;
            }
            if (attempt == MaxAttempts) throw new UnavailableException($"{address}: {why}, {MaxAttempts} times");
            await Task.Delay(wait, cancel);
        }
    }

    private string Mirrored(string address)
    {
        var (name, service) = Known.Single(each => address.StartsWith(each.Value, StringComparison.Ordinal));
        return mirrors.TryGetValue(name, out var mirror) ? mirror.TrimEnd('/') + "/" + address[service.Length..] : address;
    }

    private static async Task<IReadOnlyList<(string Name, byte[] Bytes)>> FilesAsync(string address, HttpResponseMessage answer, CancellationToken cancel)
    {
        var name = NameOf(address);
        List<(string, byte[])> files = [(name, await answer.Content.ReadAsByteArrayAsync(cancel))];
        foreach (var header in Chains)
        {
            if (answer.Headers.TryGetValues(header, out var values)) files.Add(($"{name}-{header.ToLowerInvariant()}", Encoding.UTF8.GetBytes(Uri.UnescapeDataString(string.Concat(values)))));
        }
        return files;
    }

    /// <summary>The same address has the same name, so that what is newer takes the place of what was there.</summary>
    private static string NameOf(string address)
    {
        var words = Strange().Replace(address[(address.IndexOf("//", StringComparison.Ordinal) + 2)..], "-").Trim('-');
        return $"{words[..Math.Min(words.Length, 80)]}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(address)).AsSpan(0, 4))}";
    }
}
