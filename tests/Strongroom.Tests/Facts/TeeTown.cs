using System.Security.Cryptography;
using Strongroom.Attestation;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Policy;
using Strongroom.Tests.Attestation.Composite;
using BundledFile = Strongroom.Attestation.Appraisal.BundledFile;

namespace Strongroom.Tests.Facts;

/// <summary>A town whose machine has a TEE: endorsements on record, enrolled by its own evidence, and a policy that takes it.</summary>
internal sealed class TeeTown
{
    public TeeTown(string kind)
        : this(TestMachine.Of(kind, Town.Noon))
    {
    }

    /// <param name="machine">The machine.</param>
    /// <param name="enrolled">False leaves that to the test.</param>
    public TeeTown(TestMachine machine, bool enrolled = true)
    {
        Machine = machine;
        Town = Town.Furnished(ReleasePolicy.From(
        [
            new("stories", ["storyteller"], [Town.Purpose], [new(machine.Kind, ["guests"], 60, 1)], [new("owners", 2)], ["secret"], CheckTree: true, 3600, 86_400, 86_400),
        ]));
        Town.Roots = Machine.Roots;
        Town.Agree(new AddCollector("lab", Town.Collector.PublicKey));
        Endorse();
        (Identity, Claims) = Introduced();
        Town.Agree(new SetReference("guests", machine.Kind, Claims, 1));
        if (enrolled) Town.Write(Enrolment());
    }

    private BundledFile[] endorsed = [];

    public Town Town { get; }

    public TestMachine Machine { get; }

    public MachineIdentity Identity { get; }

    public IReadOnlyDictionary<string, string> Claims { get; }

    public Digest Measured => Measurement.Of(Machine.Kind, Claims);

    /// <summary>Puts on record what the machine's vendors say now.</summary>
    public void Endorse(params byte[][] besides)
    {
        endorsed = [.. Machine.Files(Town.Now).Select(file => new BundledFile(file.Bytes.ToArray(), file.Name)), .. besides.Select((bytes, i) => new BundledFile(bytes, $"besides-{i}"))];
        EndorseAgain();
    }

    /// <summary>Puts on record that the vendors still say what they said.</summary>
    public void EndorseAgain() => Town.Write(Town.Endorse(files: endorsed));

    /// <summary>AMD takes back the key that certified the machine's.</summary>
    public void Revoke() => Endorse(Machine.Snp!.Amd.List(Town.Now.AddMinutes(-1), Town.Now.AddDays(30), [2]));

    public EnrolmentTranscript Transcript() => new(Town.Origin, RandomNumberGenerator.GetBytes(32), Town.Now, Machine.Kind, Town.BrokerKey);

    /// <summary>As an operator signs it, with the evidence where a broker would put it.</summary>
    public EnrolMachine Enrolment(EnrolmentTranscript? transcript = null, byte[]? evidence = null)
    {
        transcript ??= Transcript();
        evidence ??= Machine.Evidence(transcript.Digest(), Town.Now);
        Town.Blobs[Digest.Of(evidence)] = evidence;
        Town.Blobs[Measured] = Measurement.From(Machine.Kind, Claims).ToBytes();
        return new(
            Town.Origin, Command.NewId(), Town.Operator, Town.Now, Identity.MachineId(), Machine.Kind, Identity.ToBytes(), [], 0, Measurement: Measured,
            Evidence: Digest.Of(evidence), Transcript: transcript);
    }

    public string Approved()
    {
        var open = Town.Open() with { Machine = Identity.MachineId(), Measurement = Measured };
        Town.Write(open);
        foreach (var owner in (string[])[Town.Owner1, Town.Owner2]) Town.Write(Town.Approve(owner, Ids.Request(open)));
        return Ids.Request(open);
    }

    public ReleaseDecision Ask(string request)
    {
        var transcript = Town.Transcript(request);
        return Town.Ask(transcript, Machine.Evidence(transcript.Digest(), Town.Now));
    }

    public Lease Leased()
    {
        var granted = Ask(Approved()).Record.Grant!.Lease;
        return Town.State.Release.Leases[granted];
    }

    public RenewalDecision Renew(Lease lease)
    {
        var transcript = Town.Renewal(lease);
        var evidence = Machine.Evidence(transcript.Digest(), Town.Now);
        var result = AttestationResult.Of(Town.State, transcript, evidence, Town.OnRecord);
        var decision = RenewalDecision.Make(Town.State, transcript, result, Town.Now);
        if (!decision.IsRepeated) Town.Append(decision.Record, result.Blobs);
        return decision;
    }

    private (MachineIdentity, IReadOnlyDictionary<string, string>) Introduced()
    {
        var transcript = Digest.Of("introduction"u8);
        var found = Town.OnRecord.Enrolment(Machine.Kind, Machine.Evidence(transcript, Town.Now), transcript, Town.Now);
        Assert.Empty(found.Reasons);
        return (found.Identity!, found.Claims);
    }
}
