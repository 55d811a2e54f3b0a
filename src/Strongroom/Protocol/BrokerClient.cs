using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json.Serialization.Metadata;
using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;

namespace Strongroom.Protocol;

/// <summary>
/// Everything that can be said to a broker, typed (spec/release-protocol.md). The handed-in client knows address, TLS and the broker's pinned key.
/// </summary>
/// <remarks>
/// Every call throws <see cref="RefusedException"/> where the broker said no, <see cref="MalformedException"/> where it did not understand or is not
/// understood, and <see cref="UnavailableException"/> where it cannot be reached, is overloaded or failed.
/// </remarks>
/// <param name="http">With a base address.</param>
/// <param name="signer">Signs reads that show names, and writes to the table of names; null reads as a stranger.</param>
public sealed class BrokerClient(HttpClient http, ReadSigner? signer = null)
{
    private const int MaxReplySizeInBytes = 64 * 1024 * 1024;

    private const int PageSize = 500; // the most that a broker gives

    /// <summary>Longest list that is read, in bytes: some million items.</summary>
    internal long MaxListSizeInBytes { get; init; } = 1024 * 1024 * 1024;

    public Task<CommandReply> SendAsync(SignedCommand command, CancellationToken cancel = default) =>
        PostAsync("v1/commands", command, ProtocolJson.Default.SignedCommand, ProtocolJson.Default.CommandReply, cancel);

    public Task<CommandReply> AddModelAsync(ModelUpload upload, CancellationToken cancel = default) =>
        PostAsync("v1/models", upload, ProtocolJson.Default.ModelUpload, ProtocolJson.Default.CommandReply, cancel);

    public Task<CommandReply> RecordEndorsementsAsync(EndorsementUpload upload, CancellationToken cancel = default) =>
        PostAsync("v1/endorsements", upload, ProtocolJson.Default.EndorsementUpload, ProtocolJson.Default.CommandReply, cancel);

    public Task<EnrolmentChallenge> ChallengeAsync(EnrolmentRequest request, CancellationToken cancel = default) =>
        PostAsync("v1/machines/challenges", request, ProtocolJson.Default.EnrolmentRequest, ProtocolJson.Default.EnrolmentChallenge, cancel);

    public Task<CommandReply> EnrolAsync(MachineEnrolment enrolment, CancellationToken cancel = default) =>
        PostAsync("v1/machines", enrolment, ProtocolJson.Default.MachineEnrolment, ProtocolJson.Default.CommandReply, cancel);

    public Task<Challenge> ChallengeAsync(ChallengeRequest request, CancellationToken cancel = default) =>
        PostAsync("v1/challenges", request, ProtocolJson.Default.ChallengeRequest, ProtocolJson.Default.Challenge, cancel);

    /// <summary>Unchecked as it comes: only <see cref="GrantedRelease.Check"/> makes keys of it.</summary>
    public async Task<ReleaseReply> ReleaseAsync(EvidenceSubmission submission, CancellationToken cancel = default)
    {
        using var request = Write(HttpMethod.Post, "v1/releases", CanonicalJson.Serialize(submission, ProtocolJson.Default.EvidenceSubmission));
        using var response = await SendAsync(request, HttpCompletionOption.ResponseContentRead, cancel).ConfigureAwait(false);
        return response.StatusCode == HttpStatusCode.Accepted
            ? new ReleaseReply.Pending(await ReadAsync(response, ProtocolJson.Default.PendingReply, cancel).ConfigureAwait(false))
            : new ReleaseReply.Granted(await ReadAsync(response, ProtocolJson.Default.GrantReply, cancel).ConfigureAwait(false));
    }

    public Task<RenewalChallenge> ChallengeAsync(string lease, RenewalChallengeRequest request, CancellationToken cancel = default) =>
        PostAsync($"v1/leases/{lease}/challenges", request, ProtocolJson.Default.RenewalChallengeRequest, ProtocolJson.Default.RenewalChallenge, cancel);

    /// <summary>Unchecked as it comes, see <see cref="GrantedRenewal.Check"/>.</summary>
    public Task<RenewalReply> RenewAsync(string lease, EvidenceSubmission submission, CancellationToken cancel = default) =>
        PostAsync($"v1/leases/{lease}/renewals", submission, ProtocolJson.Default.EvidenceSubmission, ProtocolJson.Default.RenewalReply, cancel);

    /// <summary>What happens to a lease, as it happens; ends after the lease did. A line that breaks is an <see cref="UnavailableException"/>.</summary>
    public async IAsyncEnumerable<LeaseEvent> LeaseEventsAsync(string lease, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        using var request = Write(HttpMethod.Get, $"v1/leases/{lease}/events", []);
        using var response = await SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel).ConfigureAwait(false);
        var stream = await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        await using var items = SseParser.Create(stream, static (_, data) => CanonicalJson.Read(data, ProtocolJson.Default.LeaseEvent))
            .EnumerateAsync(cancel).ConfigureAwait(false).GetAsyncEnumerator();
        while (true)
        {
            try
            {
                if (!await items.MoveNextAsync()) yield break;
            }
            catch (Exception e) when (e is IOException or HttpRequestException)
            {
                throw new UnavailableException($"the line to the broker broke: {e.Message}", e);
            }
            yield return items.Current.Data;
        }
    }

    public Task<IReadOnlyList<ModelDetails>> ModelsAsync(CancellationToken cancel = default) =>
        ListAsync("v1/models", ProtocolJson.Default.IReadOnlyListModelDetails, item => item.Index, cancel);

    /// <summary>The bytes of manifest.json, unverified.</summary>
    public Task<byte[]> ManifestAsync(string model, long version, CancellationToken cancel = default) =>
        GetBytesAsync($"v1/models/{model}/{version}/manifest", cancel);

    public Task<IReadOnlyList<MachineDetails>> MachinesAsync(CancellationToken cancel = default) =>
        ListAsync("v1/machines", ProtocolJson.Default.IReadOnlyListMachineDetails, item => item.Index, cancel);

    public Task<IReadOnlyList<RequestDetails>> RequestsAsync(CancellationToken cancel = default) =>
        ListAsync("v1/requests", ProtocolJson.Default.IReadOnlyListRequestDetails, item => item.Index, cancel);

    public Task<RequestDetails> RequestAsync(string request, CancellationToken cancel = default) =>
        GetAsync($"v1/requests/{request}", ProtocolJson.Default.RequestDetails, cancel);

    public Task<ExplanationReply> ExplanationAsync(string request, CancellationToken cancel = default) =>
        GetAsync($"v1/requests/{request}/explanation", ProtocolJson.Default.ExplanationReply, cancel);

    public Task<IReadOnlyList<LeaseDetails>> LeasesAsync(CancellationToken cancel = default) =>
        ListAsync("v1/leases", ProtocolJson.Default.IReadOnlyListLeaseDetails, item => item.Index, cancel);

    public Task<IReadOnlyList<PersonDetails>> PersonsAsync(CancellationToken cancel = default) =>
        ListAsync("v1/persons", ProtocolJson.Default.IReadOnlyListPersonDetails, item => item.Index, cancel);

    public Task<IReadOnlyList<ProposalDetails>> ProposalsAsync(CancellationToken cancel = default) =>
        ListAsync("v1/proposals", ProtocolJson.Default.IReadOnlyListProposalDetails, item => item.Index, cancel);

    public Task<CommandReply> ProposeReferencesAsync(ReferenceUpload upload, CancellationToken cancel = default) =>
        PostAsync("v1/references", upload, ProtocolJson.Default.ReferenceUpload, ProtocolJson.Default.CommandReply, cancel);

    public Task<IReadOnlyList<ReferenceDetails>> ReferencesAsync(CancellationToken cancel = default) =>
        ListAsync("v1/references", ProtocolJson.Default.IReadOnlyListReferenceDetails, item => item.Index, cancel);

    /// <summary>What a machine measured, checked against its digest; null where the broker has nothing to show.</summary>
    /// <exception cref="RefusedException">The broker shows something else, or will not show it: only what is not there is nothing.</exception>
    public async Task<Measurement?> MeasurementAsync(Digest digest, CancellationToken cancel = default)
    {
        using var request = Write(HttpMethod.Get, $"v1/measurements/{digest}", []);
        using var response = await SendAsync(request, HttpCompletionOption.ResponseContentRead, HttpStatusCode.NotFound, cancel).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.NotFound) return null; // who opens a request may name a measurement that no machine ever showed
        var bytes = await response.Content.ReadAsByteArrayAsync(cancel).ConfigureAwait(false);
        if (Digest.Of(bytes) != digest) throw new RefusedException($"what the broker shows as the measurement {digest} is something else: sign nothing, and ask who runs it");
        return Measurement.Parse(bytes);
    }

    public Task<PolicyReply> PolicyAsync(CancellationToken cancel = default) => GetAsync("v1/policy", ProtocolJson.Default.PolicyReply, cancel);

    /// <summary>The vendors' endorsements on record; null where there are none.</summary>
    public async Task<EndorsementsReply?> EndorsementsAsync(CancellationToken cancel = default)
    {
        using var request = Write(HttpMethod.Get, "v1/endorsements", []);
        using var response = await SendAsync(request, HttpCompletionOption.ResponseContentRead, HttpStatusCode.NotFound, cancel).ConfigureAwait(false);
        return response.StatusCode == HttpStatusCode.NotFound ? null : await ReadAsync(response, ProtocolJson.Default.EndorsementsReply, cancel).ConfigureAwait(false);
    }

    /// <summary>What lies beside the ledger under this digest.</summary>
    /// <exception cref="RefusedException">It is not there, or is something else.</exception>
    public async Task<byte[]> BlobAsync(Digest digest, CancellationToken cancel = default)
    {
        var bytes = await GetBytesAsync($"blob/{digest}", cancel).ConfigureAwait(false);
        return Digest.Of(bytes) == digest ? bytes : throw new RefusedException($"what the broker sent is not the blob {digest}");
    }

    public Task<HealthReply> HealthAsync(CancellationToken cancel = default) => GetAsync("health", ProtocolJson.Default.HealthReply, cancel);

    public async Task SetNameAsync(string person, string name, CancellationToken cancel = default)
    {
        using var request = Write(HttpMethod.Put, $"v1/persons/{person}/name", CanonicalJson.Serialize(new PersonName(name), ProtocolJson.Default.PersonName));
        using var response = await SendAsync(request, HttpCompletionOption.ResponseContentRead, cancel).ConfigureAwait(false);
    }

    public async Task ForgetNameAsync(string person, CancellationToken cancel = default)
    {
        using var request = Write(HttpMethod.Delete, $"v1/persons/{person}/name", []);
        using var response = await SendAsync(request, HttpCompletionOption.ResponseContentRead, cancel).ConfigureAwait(false);
    }

    private async Task<TReply> PostAsync<T, TReply>(string path, T body, JsonTypeInfo<T> type, JsonTypeInfo<TReply> replyType, CancellationToken cancel)
    {
        using var request = Write(HttpMethod.Post, path, CanonicalJson.Serialize(body, type));
        using var response = await SendAsync(request, HttpCompletionOption.ResponseContentRead, cancel).ConfigureAwait(false);
        return await ReadAsync(response, replyType, cancel).ConfigureAwait(false);
    }

    private async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancel) =>
        CanonicalJson.Read(await GetBytesAsync(path, cancel).ConfigureAwait(false), type, MaxReplySizeInBytes);

    /// <summary>All of a list, page after page. Each begins after the one before it ended, and all have an end, or a broker could keep its reader for ever.</summary>
    private async Task<IReadOnlyList<T>> ListAsync<T>(string path, JsonTypeInfo<IReadOnlyList<T>> type, Func<T, long> index, CancellationToken cancel)
    {
        List<T> all = [];
        var (last, left) = (-1L, MaxListSizeInBytes);
        while (true)
        {
            var bytes = await GetBytesAsync($"{path}?limit={PageSize}{(last < 0 ? "" : $"&after={last}")}", cancel).ConfigureAwait(false);
            if ((left -= bytes.Length) < 0) throw new MalformedException(-1, $"{path} does not end within {MaxListSizeInBytes} bytes");
            var page = CanonicalJson.Read(bytes, type, MaxReplySizeInBytes);
            if (page.Count > 0 && (index(page[0]) <= last || index(page[^1]) <= last)) throw new MalformedException(-1, $"a page of {path} does not go on where the one before it ended");
            all.AddRange(page);
            if (page.Count < PageSize) return all;
            last = index(page[^1]);
        }
    }

    private async Task<byte[]> GetBytesAsync(string path, CancellationToken cancel)
    {
        using var request = Write(HttpMethod.Get, path, []);
        using var response = await SendAsync(request, HttpCompletionOption.ResponseContentRead, cancel).ConfigureAwait(false);
        return await response.Content.ReadAsByteArrayAsync(cancel).ConfigureAwait(false);
    }

    private HttpRequestMessage Write(HttpMethod method, string path, byte[] body)
    {
        var uri = new Uri(http.BaseAddress ?? throw new InvalidOperationException("the HTTP client has no base address"), path);
        var request = new HttpRequestMessage(method, uri) { Version = http.DefaultRequestVersion, VersionPolicy = http.DefaultVersionPolicy }; // a message does not take them from its client
        if (body.Length > 0)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new("application/json");
        }
        if (signer is not null) request.Headers.Authorization = signer.Sign(method.Method, uri.PathAndQuery, body);
        return request;
    }

    private Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, HttpCompletionOption completion, CancellationToken cancel) => SendAsync(request, completion, null, cancel);

    /// <param name="besides">A status that is an answer too.</param>
    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, HttpCompletionOption completion, HttpStatusCode? besides, CancellationToken cancel)
    {
        HttpResponseMessage response;
        try
        {
            response = await http.SendAsync(request, completion, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            throw new UnavailableException($"the broker at {request.RequestUri?.Authority} does not answer: {e.InnerException?.Message ?? e.Message}", e);
        }
        if (response.IsSuccessStatusCode || response.StatusCode == besides) return response;
        using (response) throw await ProblemAsync(response, cancel).ConfigureAwait(false);
    }

    /// <summary>Whose fault it is decides (docs/problems.md): 4xx that are no refusal are ours, 5xx and 429 will pass.</summary>
    private static async Task<Exception> ProblemAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        var problem = new ProblemReply();
        try
        {
            problem = await ReadAsync(response, ProtocolJson.Default.ProblemReply, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MalformedException or HttpRequestException)
        {
            // A proxy's page, perhaps: the status alone has to say it.
        }
        var what = problem.Detail ?? problem.Title ?? $"the broker answered {(int)response.StatusCode}";
        return response.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.NotFound or HttpStatusCode.Conflict =>
                problem.Reasons is { Count: > 0 } reasons ? new RefusedException(reasons) : new RefusedException(what),
            HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError => new UnavailableException(what),
            _ => new MalformedException(-1, what),
        };
    }

    private static async Task<T> ReadAsync<T>(HttpResponseMessage response, JsonTypeInfo<T> type, CancellationToken cancel) =>
        CanonicalJson.Read(await response.Content.ReadAsByteArrayAsync(cancel).ConfigureAwait(false), type, MaxReplySizeInBytes);
}

/// <summary>The answer to evidence for a release, where it is not a refusal.</summary>
public abstract record ReleaseReply
{
    private ReleaseReply()
    {
    }

    public sealed record Granted(GrantReply Reply) : ReleaseReply;

    public sealed record Pending(PendingReply Reply) : ReleaseReply;
}

/// <summary>A person who signs what they read (<see cref="SignedRead"/>).</summary>
public sealed class ReadSigner(string ledger, string person, Ed25519PrivateKey key, TimeProvider clock)
{
    public AuthenticationHeaderValue Sign(string method, string path, ReadOnlySpan<byte> body) =>
        new(SignedRead.Scheme, SignedRead.Sign(ledger, person, clock.GetUtcNow(), method, path, body, key).ToHeader());
}
