using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Broker.Release;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.Machines;

/// <summary>How a machine with a TEE introduces itself: it is told what its evidence must be made for, and the evidence says which machine it is.</summary>
internal sealed class TeeChallenges(Challenges<EnrolmentTranscript> challenges, Journal journal, BrokerDirectory directory, TimeProvider clock)
{
    public EnrolmentChallenge Challenge(string kind)
    {
        var transcript = new EnrolmentTranscript(
            journal.State.Origin, RandomNumberGenerator.GetBytes(Transcript.NonceSizeInBytes), Timestamp.WholeSecond(clock.GetUtcNow()), kind, directory.BrokerKey);
        var (id, _, expires) = challenges.Give(transcript);
        return new(id, Timestamp.WholeSecond(expires), Transcript: transcript);
    }

    /// <summary>Why this is no answer to a challenge of this broker; null if it is. What the evidence proves, the rules ask.</summary>
    public ProblemHttpResult? Refusal(MachineEnrolment answer, EnrolMachine enrol)
    {
        if (answer.Evidence is not { Length: > 0 }) return Problem.Malformed.Because("the evidence is missing");
        if (challenges.Open(answer.Challenge) is not { Bound: var transcript }) return Problem.ChallengeSpent.Because();
        return enrol.Transcript!.Digest() == transcript.Digest() ? null : Problem.EvidenceRefused.Because("the command is signed for another challenge than this one");
    }
}
