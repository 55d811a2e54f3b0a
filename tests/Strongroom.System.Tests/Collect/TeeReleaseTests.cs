using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Enclave.Evidence;
using Strongroom.Enclave.Loader;
using Strongroom.Enclave.Memory;
using Strongroom.Protocol;
using Strongroom.System.Tests.Enclave;
using Strongroom.Tests.Attestation.Composite;

namespace Strongroom.System.Tests.Collect;

/// <summary>An enclave in a SEV-SNP guest, from the kernel's report to the keys, and to a renewal, at a broker that judges what it sends.</summary>
public sealed class TeeReleaseTests
{
    [Fact]
    public async Task A_guest_proves_itself_anew_for_its_release_and_for_each_renewal()
    {
        await using var setup = await EnclaveSetup.CreateAsync();
        using var http = PinnedBroker.Connect(new(setup.Broker.Address), setup.Broker.Pin);
        using var key = HpkePrivateKey.Generate("x25519");
        var now = DateTimeOffset.UtcNow;
        var hardware = TestMachine.SnpWithGpus(now, gpus: 0);
        using var kernel = new SimulatedTsm { Report = asked => hardware.Cpu(asked, now), Floor = 0 };
        var machine = new TeeMachine(Processor.Find(kernel.Reports, hasNitro: false)!, _ => []);
        var trusted = new List<Digest>();
        setup.Broker.Machine = machine.Id;
        setup.Broker.Decide = decided => decided with { Development = false };
        setup.Broker.Judge = (evidence, transcript) =>
        {
            var enrolled = new EnrolledMachine(machine.Id, "sev-snp", machine.Identity.ToBytes(), [], EnrolledMachine.DefaultApplicationPcr);
            var verdict = EvidenceVerifier.For("sev-snp", DangerousEvidence.None, hardware.Endorsements(now), hardware.Roots)
                .Verify(evidence, enrolled, transcript, new(Digest.Of("key"u8), Digest.Of("pins"u8)), now);
            trusted.Add(Assert.IsType<Verdict.Trusted>(verdict).Evidence.Transcript);
        };
        var pins = new Pins(setup.Broker.Pin.Key, setup.Broker.Ledger.Verifier, [setup.Broker.Witness.Verifier], [setup.Model.Publisher.PublicKey]);
        var exchange = new ReleaseExchange(new BrokerClient(http), pins, machine, key.PublicKey, ScriptedBroker.Request, MemoryKind.Secret, setup.Model.Manifest, new BootClock());

        var granted = Assert.IsType<Release.Granted>(await exchange.AskAsync(TestContext.Current.CancellationToken));
        using (var keys = granted.Grant.OpenKeys(key)) Assert.True(keys.Span.SequenceEqual(setup.Model.FileKeys));
        await exchange.RenewAsync(granted.Grant.Lease.Lease, TestContext.Current.CancellationToken);
        Assert.Equal(2, trusted.Distinct().Count());
    }
}
