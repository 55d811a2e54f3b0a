using System.Text.Json;
using Strongroom.Attestation;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Cli.Machines;

/// <summary>A machine with a TEE as it introduces itself (spec/release-protocol.md): the broker's challenge, its evidence, and what that was found to prove - here, before anybody signs for it.</summary>
internal sealed record TeeIntroduction(EnrolmentChallenge Challenge, EnrolmentTranscript Transcript, byte[] Evidence, MachineIdentity Identity, Measurement Measured)
{
    /// <exception cref="RefusedException">The challenge is of another ledger or broker than the profile's.</exception>
    internal static async Task<EnrolmentChallenge> AskAsync(Session session, string kind, CancellationToken cancel)
    {
        if (!CompositeEvidence.CpuKinds.Contains(kind)) throw new UsageException($"{kind} is none of {string.Join(", ", CompositeEvidence.CpuKinds)}");
        var challenge = await session.Broker.ChallengeAsync(new EnrolmentRequest(kind), cancel);
        Require(session, challenge);
        return challenge;
    }

    /// <summary>This machine, asked through the enclave's program.</summary>
    internal static async Task<TeeIntroduction> HereAsync(Session session, string kind, Func<ReadOnlyMemory<byte>, RecordedEndorsements> read, CancellationToken cancel)
    {
        var challenge = await AskAsync(session, kind, cancel);
        using var answer = JsonDocument.Parse(await SiblingProgram.RunAsync("Enclave", ["evidence", "--evidence", kind, "--nonce", challenge.Transcript!.Digest().ToString()], cancel));
        return await VerifyAsync(session, challenge, answer.RootElement.GetProperty("evidence").GetBytesFromBase64(), read, cancel);
    }

    /// <summary>A machine elsewhere, by the files that went there and came back.</summary>
    internal static Task<TeeIntroduction> OfFilesAsync(Session session, string challenge, string evidence, Func<ReadOnlyMemory<byte>, RecordedEndorsements> read, CancellationToken cancel) =>
        VerifyAsync(session, CanonicalJson.Read(File.ReadAllBytes(challenge), ProtocolJson.Default.EnrolmentChallenge), File.ReadAllBytes(evidence), read, cancel);

    internal EnrolMachine Command(Session session) => new(
        session.Ledger, Facts.Command.NewId(), session.Person, Session.Now, Identity.MachineId(), Transcript.Kind, Identity.ToBytes(), [], 0, Measurement: Measured.Digest(),
        Evidence: Digest.Of(Evidence), Transcript: Transcript);

    internal Task<CommandReply> SendAsync(Session session, SignedCommand signed, CancellationToken cancel) =>
        session.Broker.EnrolAsync(new(signed, Challenge.Challenge, Measurement: Measured.ToBytes(), Evidence: Evidence), cancel);

    /// <summary>What is signed is what was found here, by the endorsements on record; the broker and every auditor must come to the same.</summary>
    private static async Task<TeeIntroduction> VerifyAsync(
        Session session, EnrolmentChallenge challenge, byte[] evidence, Func<ReadOnlyMemory<byte>, RecordedEndorsements> read, CancellationToken cancel)
    {
        var transcript = Require(session, challenge);
        var onRecord = (await EndorsementsOnRecord.FindAsync(session, read, cancel))?.Bundle ?? RecordedEndorsements.None;
        var found = onRecord.Enrolment(transcript.Kind, evidence, transcript.Digest(), transcript.Issued);
        return found.Identity is { } identity
            ? new(challenge, transcript, evidence, identity, Measurement.From(transcript.Kind, found.Claims))
            : throw new RefusedException(found.Reasons);
    }

    private static EnrolmentTranscript Require(Session session, EnrolmentChallenge challenge)
    {
        if (challenge.Transcript is not { } transcript) throw new MalformedException(-1, "this is no challenge of a machine with a TEE");
        if (transcript.Ledger != session.Ledger || transcript.BrokerKey != session.Profile.BrokerKey) throw new RefusedException("the challenge is of another ledger or broker than the profile's");
        return transcript;
    }
}
