using Strongroom.Bytes;

namespace Strongroom.Enclave.Control;

/// <summary>Where an enclave is in its life.</summary>
public enum Stage
{
    Starting,
    WaitingForApprovals,
    Opening,
    Serving,
    Ended,
}

/// <summary>What the control plane may know: stage, lease, digests. There is no member for a prompt or an answer, and none that could hold one.</summary>
public sealed class EnclaveState(string request)
{
    private readonly Lock gate = new();
    private Stage stage;
    private IReadOnlyList<string> missing = [];
    private string? lease;
    private Digest? model;
    private Func<TimeSpan>? remaining;

    public string Request => request;

    public void Waiting(IReadOnlyList<string> what)
    {
        lock (gate) (stage, missing) = (Stage.WaitingForApprovals, what);
    }

    public void Granted(string leaseId, Digest modelDigest, Func<TimeSpan> left)
    {
        lock (gate) (stage, missing, lease, model, remaining) = (Stage.Opening, [], leaseId, modelDigest, left);
    }

    public void Enter(Stage next)
    {
        lock (gate) stage = next;
    }

    public StateReply Reply()
    {
        lock (gate)
        {
            var left = remaining?.Invoke().TotalSeconds;
            return new(Name(stage), request, missing.Count > 0 ? missing : null, lease, model?.ToString(), left is null ? null : Math.Max(0, (long)left));
        }
    }

    private static string Name(Stage stage) => stage switch
    {
        Stage.Starting => "starting",
        Stage.WaitingForApprovals => "waiting_for_approvals",
        Stage.Opening => "opening",
        Stage.Serving => "serving",
        _ => "ended",
    };
}

/// <param name="Missing">What people have still to do, while waiting.</param>
/// <param name="LeaseSecondsLeft">Until the enclave wipes itself, unless the lease is renewed before.</param>
public sealed record StateReply(string Stage, string Request, IReadOnlyList<string>? Missing, string? Lease, string? ModelDigest, long? LeaseSecondsLeft);
