using System.Text;
using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Enclave.Memory;
using Strongroom.Facts;
using Strongroom.Protocol;
using Strongroom.Sealing;

namespace Strongroom.Enclave.Loader;

/// <summary>How the enclave gets a key and keeps it: challenge, evidence, decision (spec/release-protocol.md).</summary>
/// <param name="key">Made for this start.</param>
/// <param name="clock">CLOCK_BOOTTIME.</param>
public sealed class ReleaseExchange(
    BrokerClient broker, Pins pins, Machine machine, HpkePublicKey key, string request, MemoryKind memory, Manifest manifest, TimeProvider clock)
{
    private readonly EnclaveStart start = new(Digest.Of(Encoding.UTF8.GetBytes(key.ToString())), pins.Digest);
    private readonly Dictionary<Transcript, (Digest Evidence, long Asked)> sent = new(ReferenceEqualityComparer.Instance);

    /// <summary>One try: a fresh challenge, fresh evidence, one decision.</summary>
    /// <exception cref="RefusedException">Denied, or what came back does not hold; every reason.</exception>
    public async Task<Release> AskAsync(CancellationToken cancellation)
    {
        var asked = clock.GetTimestamp();
        var challenge = await broker.ChallengeAsync(new ChallengeRequest(request, key, memory.Name(), pins.Digest), cancellation);
        Require(challenge.Transcript);
        var evidence = machine.Attest(start, challenge.Transcript.Digest(), challenge.Pcrs, challenge.ApplicationPcr);
        sent.Add(challenge.Transcript, (Digest.Of(evidence), asked));
        return await broker.ReleaseAsync(new(challenge.Id, evidence), cancellation) switch
        {
            ReleaseReply.Granted granted => Check(granted.Reply),
            ReleaseReply.Pending pending => new Release.Pending(pending.Reply),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    /// <summary>Renews a lease by fresh evidence.</summary>
    /// <returns>The lease's new length, counted from before this call.</returns>
    /// <exception cref="RefusedException">The policy in force says no, or the answer does not hold.</exception>
    public async Task<TimeSpan> RenewAsync(string lease, CancellationToken cancellation)
    {
        var challenge = await broker.ChallengeAsync(lease, new RenewalChallengeRequest(pins.Digest), cancellation);
        Require(challenge.Transcript, lease);
        var evidence = machine.Attest(start, challenge.Transcript.Digest(), challenge.Pcrs, challenge.ApplicationPcr);
        var renewal = GrantedRenewal.Check(await broker.RenewAsync(lease, new(challenge.Id, evidence), cancellation), challenge.Transcript, pins.Ledger);
        if (renewal.Decided.Evidence != Digest.Of(evidence)) throw new RefusedException("the proved renewal judged other evidence than this enclave's");
        return TimeSpan.FromSeconds(renewal.Seconds);
    }

    /// <summary>A grant may answer any transcript that this enclave sent evidence for; its lease counts from before that one was asked for.</summary>
    private Release.Granted Check(GrantReply reply)
    {
        if (reply.Proof.Length == 0) throw new RefusedException("the grant brings no proof that it stands in the ledger: without one its key is not used");
        var grant = GrantedRelease.Check(reply, sent.Keys, pins.Ledger, machine.Allowed);
        var (evidence, asked) = sent[grant.Transcript];
        List<string> reasons = [];
        if (grant.Decided.Evidence != evidence) reasons.Add("the proved decision judged other evidence than this enclave's");
        if (grant.Decided.Model != manifest.Name || grant.Decided.Version != manifest.Version)
            reasons.Add($"the proved decision is about {grant.Decided.Model} {grant.Decided.Version}, here lies {manifest.Name} {manifest.Version}");
        return reasons.Count == 0 ? new(grant, asked) : throw new RefusedException(reasons);
    }

    /// <summary>The enclave has its machine sign for nothing that it does not know to be true.</summary>
    private void Require(Transcript transcript)
    {
        var files = manifest.Files.Select(file => file.Name).ToHashSet();
        List<string> wrong = [];
        if (transcript.Ledger != pins.Ledger.Origin) wrong.Add("ledger");
        if (transcript.Nonce.Length != Transcript.NonceSizeInBytes) wrong.Add("nonce");
        if (transcript.Request != request) wrong.Add("request");
        if (transcript.ModelDigest != manifest.ModelDigest) wrong.Add("model_digest: another model lies here than was asked for");
        if (transcript.Machine != machine.Id) wrong.Add($"machine: the request is for {transcript.Machine}, this is {machine.Id}");
        if (!transcript.HpkeKey.Equals(key)) wrong.Add("hpke_key");
        if (transcript.BrokerKey != pins.BrokerKey) wrong.Add("broker_key");
        if (transcript.Memory != memory.Name()) wrong.Add("memory");
        if (transcript.Configuration != pins.Digest) wrong.Add("configuration");
        if (transcript.Files is { } asked && (asked.Count == 0 || !asked.All(files.Contains) || asked.Distinct().Count() != asked.Count)) wrong.Add("files");
        Refuse(wrong);
    }

    private void Require(RenewalTranscript transcript, string lease)
    {
        List<string> wrong = [];
        if (transcript.Ledger != pins.Ledger.Origin) wrong.Add("ledger");
        if (transcript.Nonce.Length != Transcript.NonceSizeInBytes) wrong.Add("nonce");
        if (transcript.Lease != lease) wrong.Add("lease");
        if (transcript.Machine != machine.Id) wrong.Add("machine");
        if (!transcript.HpkeKey.Equals(key)) wrong.Add("hpke_key");
        if (transcript.BrokerKey != pins.BrokerKey) wrong.Add("broker_key");
        if (transcript.Configuration != pins.Digest) wrong.Add("configuration");
        Refuse(wrong);
    }

    private static void Refuse(List<string> wrong)
    {
        if (wrong.Count > 0) throw new RefusedException([.. wrong.Select(member => $"the broker's transcript is wrong in {member}")]);
    }
}

/// <summary>The outcome of one try that was not refused.</summary>
public abstract record Release
{
    private Release()
    {
    }

    /// <param name="Grant">Checked.</param>
    /// <param name="Asked">The boot clock from before it was asked for.</param>
    public sealed record Granted(GrantedRelease Grant, long Asked) : Release;

    public sealed record Pending(PendingReply Reply) : Release;
}
