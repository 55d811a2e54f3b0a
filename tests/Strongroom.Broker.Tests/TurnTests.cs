using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Broker.Access;
using Strongroom.Broker.Tests.Machines;
using Strongroom.Broker.Tests.Release;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Protocol;
using Strongroom.Sealing;
using Strongroom.Tests.Attestation;

namespace Strongroom.Broker.Tests;

/// <summary>What was judged before its turn in the write path came is judged again in its turn: by what was written meanwhile.</summary>
public sealed class TurnTests : IAsyncLifetime
{
    private ReleaseScene scene = null!;

    public async ValueTask InitializeAsync() => scene = await ReleaseScene.StartAsync();

    public ValueTask DisposeAsync() => scene.DisposeAsync();

    [Fact]
    public async Task A_model_whose_publisher_is_another_before_its_turn_is_refused()
    {
        using var publisher = Ed25519PrivateKey.FromSeed(Digest.Of("lab"u8).Span);
        await scene.Broker.ChangeAsync(new AddPublisher("lab", publisher.PublicKey));
        var manifest = Manifest.Sign(publisher, "newcomer", 1, scene.Broker.Clock.GetUtcNow(), scene.Manifest.Files);
        var (ledger, id, by, at) = scene.Broker.By(scene.Operator);
        var add = new AddModel(ledger, id, by, at, "newcomer", 1, "lab", manifest.ModelDigest, Digest.Of(manifest.Bytes.Span), Digest.Of("recipients"u8));
        var reasons = await BehindAsync(
            scene.Operator.Sign(add), Enclosures.Read(add, [manifest.Bytes]), new RemovePublisher("lab"), new AddPublisher("lab", new TestPerson().Key.PublicKey));
        Assert.Equal(["the manifest is not signed by the key on record for lab"], reasons);
        Assert.Null(scene.Broker.State.Models.Find("newcomer", 1));
    }

    [Fact]
    public async Task A_TPM_whose_root_is_withdrawn_before_its_turn_is_refused()
    {
        using var maker = new TestMaker();
        using var tpm = new SoftwareTpm(maker);
        await scene.Broker.ChangeAsync(new AddRoot("tpm-ek", maker.Root));
        var (ledger, id, by, at) = scene.Broker.By(scene.Operator);
        var enrol = new EnrolMachine(
            ledger, id, by, at, tpm.Machine.Id, "tpm", tpm.AttestationKey, tpm.Machine.Pcrs, tpm.Machine.ApplicationPcr, Digest.Of(tpm.Certificates[0].Span),
            Intermediates: [.. tpm.Certificates.Skip(1).Select(der => Digest.Of(der.Span))]);
        var reasons = await BehindAsync(scene.Operator.Sign(enrol), Enclosures.Read(enrol, tpm.Certificates), new RemoveRoot("tpm-ek", Digest.Of(maker.Root)));
        Assert.Contains(reasons, reason => reason.StartsWith("E1 chain", StringComparison.Ordinal));
        Assert.Null(scene.Broker.State.Machines.Find(tpm.Machine.Id));
    }

    /// <summary>Why the command is refused that waits for its turn, judged well, while changes of trust are written.</summary>
    private async Task<IReadOnlyList<string>> BehindAsync(SignedCommand command, Enclosures enclosed, params TrustChange[] changes)
    {
        var (broker, journal) = (scene.Broker, scene.Broker.Host.Journal);
        var held = new TaskCompletionSource();
        using var waiting = new ManualResetEventSlim();
        var holding = Task.Run(() => journal.WriteAsync((_, _) => { held.SetResult(); waiting.Wait(); return null; }, CancellationToken.None));
        await held.Task;
        var before = changes.Select(change => broker.Propose(broker.Ada, change))
            .SelectMany(propose => (SignedCommand[])[broker.Ada.Sign(propose), broker.Ben.Sign(broker.Approve(broker.Ben, propose))])
            .Select(signed => journal.WriteAsync((_, now) => new(new CommandRecord(now, signed.Command, signed.Signature)), CancellationToken.None)).ToList();
        var answer = Commands.WriteAsync(journal, new Strangers(), command, enclosed, CancellationToken.None); // comes back when it waits
        Assert.False(answer.IsCompleted);
        waiting.Set();
        await holding;
        await Task.WhenAll(before);
        return Assert.IsType<string[]>(Assert.IsType<ProblemHttpResult>((await answer).Result).ProblemDetails.Extensions["reasons"]);
    }
}
