using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Attestation.Composite;
using Strongroom.Broker.Access;
using Strongroom.Broker.Endorsements;
using Strongroom.Broker.Release;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Machines;

/// <summary>Machines: a stranger until an operator signs for it and it has shown that its attestation key lives in the TPM that its maker vouched for, or which TEE it is.</summary>
internal static class MachineEndpoints
{
    public static void MapMachines(this IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("/v1/machines").WithTags("Machines");
        group.MapGet("", List).WithSummary("Every machine that was ever enrolled, page by page").Refuses(400);
        group.MapPost("/challenges", Challenge).RequireRateLimiting(Limits.Strangers)
            .WithSummary("What a machine says of itself; the answer is a credential that only its TPM can open, or what a TEE's evidence must be made for").Refuses(400, 403, 429);
        group.MapPost("", Enrol).TakesSignedUpTo(Listener.MaxEvidenceBodySizeInBytes).ProvesCaller().WithSummary("Enrol a machine: the operator's signed command, and what the credential held or the evidence of a TEE").Refuses(400, 401, 403, 503);
    }

    private static Results<Ok<EnrolmentChallenge>, ProblemHttpResult> Challenge(
        EnrolmentRequest asked, Journal journal, Challenges<Enrolment> challenges, TeeChallenges tees, TimeProvider clock)
    {
        if (CompositeEvidence.CpuKinds.Contains(asked.Kind)) return TypedResults.Ok(tees.Challenge(asked.Kind));
        var (enrolment, tpm, reasons) = Enrolment.From(asked, journal.State, clock.GetUtcNow());
        if (enrolment is null) return Problem.EvidenceRefused.Because(reasons);
        var (id, given, expires) = challenges.Give(enrolment);
        using var secret = challenges.SecretOf(given);
        return TypedResults.Ok(new EnrolmentChallenge(id, Bytes.Timestamp.WholeSecond(expires), enrolment.Machine, tpm?.Challenge(secret.Span).ToBytes()));
    }

    private static async Task<Results<Ok<CommandReply>, Accepted<CommandReply>, ProblemHttpResult>> Enrol(
        MachineEnrolment answer, Journal journal, Strangers strangers, Challenges<Enrolment> challenges, TeeChallenges tees, EndorsementShelf shelf, CancellationToken cancel)
    {
        if (answer.Command.Command is not EnrolMachine enrol) return Problem.Malformed.Because("the command is not machine/enrol.v1");
        if (enrol.Transcript is not null)
        {
            if (tees.Refusal(answer, enrol) is { } refusal) return refusal;
            ReadOnlyMemory<byte>[] blobs = answer.Measurement is { } told ? [answer.Evidence!.Value, told] : [answer.Evidence!.Value];
            return await Commands.WriteAsync(journal, strangers, answer.Command, Enclosures.Read(enrol, blobs, await shelf.OnRecordAsync(journal.State, cancel)), cancel);
        }
        if (challenges.Open(answer.Challenge) is not { Bound: var enrolment } given) return Problem.ChallengeSpent.Because();
        using var secret = challenges.SecretOf(given);
        List<string> reasons = [.. enrolment.Refusals(enrol)];
        if (enrolment.Certificates is not null && !CryptographicOperations.FixedTimeEquals((answer.Secret ?? default).Span, secret.Span))
            reasons.Add("the answer is not what the credential held: the attestation key was not shown to be in that TPM");
        // A right answer stays right until its time is over, and a machine is enrolled once: the ledger is what spends this challenge.
        return reasons.Count > 0
            ? Problem.EvidenceRefused.Because(reasons)
            : await Commands.WriteAsync(journal, strangers, answer.Command, Enclosures.Read(enrol, answer.Measurement is { } measured ? [.. enrolment.Blobs, measured] : enrolment.Blobs), cancel);
    }

    private static Ok<IReadOnlyList<MachineDetails>> List([AsParameters] Page page, Journal journal)
    {
        var machines = journal.State.Machines;
        return page.Of(machines.InOrder, machines.Machines, machine => new MachineDetails(
            machine.Id, machine.Kind, machine.Active, machine.At, machine.Index, machine.Enrolled.Pcrs, machine.Enrolled.ApplicationPcr, machine.Measurement,
            machine.MeasuredAt, CompositeEvidence.CpuKinds.Contains(machine.Kind) ? MachineIdentity.Parse(machine.Enrolled.AttestationKey.Span) : null, machine.Proved));
    }
}
