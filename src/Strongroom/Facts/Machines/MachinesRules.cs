using Strongroom.Attestation;
using Strongroom.Attestation.Composite;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Facts;

/// <summary>Rules for machines. That a maker vouches for the endorsement key, and what a TEE's evidence proves: <see cref="Enclosures"/>; that a TPM's attestation key lives beside it is shown to the broker alone.</summary>
internal static class MachinesRules
{
    public static IEnumerable<string> Refusals(LedgerState state, EnrolMachine command, DateTimeOffset now)
    {
        foreach (var reason in Rules.NeedsGroup(state, command.By, Groups.Operators)) yield return reason;
        if (state.Machines.Find(command.Machine) is not null) yield return $"{command.Machine} was enrolled before";
        foreach (var reason in command.Kind switch
        {
            "tpm" => Tpm(command),
            "development" => Development(state, command),
            var tee when CompositeEvidence.CpuKinds.Contains(tee) => Tee(state, command, now),
            _ => [$"there is no evidence of the kind {command.Kind}"],
        }) yield return reason;
    }

    public static IEnumerable<string> Refusals(LedgerState state, RetireMachine command)
    {
        foreach (var reason in Rules.NeedsGroup(state, command.By, Groups.Operators)) yield return reason;
        if (state.Machines.Find(command.Machine) is not { Active: true }) yield return $"{command.Machine} is not an enrolled machine";
    }

    private static IEnumerable<string> Tpm(EnrolMachine command)
    {
        if (command.Pcrs.Count == 0 || command.Pcrs.Any(pcr => pcr is < 0 or > 15) || command.Pcrs.Zip(command.Pcrs.Skip(1)).Any(pair => pair.First >= pair.Second))
            yield return "the boot PCRs are some of 0 to 15, ascending: from 16 on anybody can reset them";
        if (command.ApplicationPcr is < 8 or > 15 || command.Pcrs.Contains(command.ApplicationPcr))
            yield return "the application PCR is one of 8 to 15 and no boot PCR";
        foreach (var reason in AttestationKeyOf(command)) yield return reason;
        foreach (var reason in NoEvidence(command)) yield return reason;
        if (command.Endorsement is null) yield return "a TPM is enrolled with the digest of its endorsement key's certificate";
        var certificates = Enclosures.CertificatesOf(command);
        if (command.Intermediates is { Count: 0 or > TpmIntroduction.MaxIntermediates } || certificates.Distinct().Count() != certificates.Count)
            yield return $"the certificates between a TPM's and its root are 1 to {TpmIntroduction.MaxIntermediates}, each once, or left out";
    }

    private static IEnumerable<string> Development(LedgerState state, EnrolMachine command)
    {
        if (!state.DevelopmentAllowed) yield return "this ledger was not founded with --danger-development-evidence";
        if (command.Endorsement is not null || command.Intermediates is not null) yield return "nobody vouches for development evidence: it has no certificate";
        foreach (var reason in NoEvidence(command)) yield return reason;
        if (Ed25519Encoding.Fault(command.AttestationKey.Span) is { } fault) yield return fault;
        else if (EnrolledMachine.IdOf(command.AttestationKey.Span) != command.Machine)
            yield return "the machine's id does not follow from its key";
    }

    private static IEnumerable<string> Tee(LedgerState state, EnrolMachine command, DateTimeOffset now)
    {
        if (command.Pcrs.Count > 0 || command.ApplicationPcr != 0) yield return "only a TPM has PCRs: for a TEE there are none, and the application PCR is 0";
        if (command.Endorsement is not null || command.Intermediates is not null) yield return "no certificate of a TEE's own is recorded: its makers' are among the endorsements on record";
        if (command.Measurement is null) yield return "a TEE is enrolled with what it measured";
        foreach (var reason in Identity(state, command)) yield return reason;
        if (command.Evidence is null || command.Transcript is not { } transcript)
        {
            yield return "a TEE is enrolled with the digest of its evidence, and with the transcript that this answers";
            yield break;
        }
        if (transcript.Kind != command.Kind) yield return "the transcript asks for another kind of evidence";
        if (transcript.Ledger != state.Origin) yield return "the transcript is of another ledger";
        if (transcript.BrokerKey != state.Founding?.BrokerKey) yield return "the transcript is of another broker";
        if (transcript.Nonce.Length != Facts.Transcript.NonceSizeInBytes) yield return "the transcript's nonce has another length than 32 bytes";
        if (transcript.Issued > now || now - transcript.Issued > EnrolmentTranscript.Lifetime) yield return "the transcript is from the future, or older than an hour";
    }

    private static IEnumerable<string> NoEvidence(EnrolMachine command)
    {
        if (command.Evidence is not null || command.Transcript is not null) yield return "only a TEE is enrolled by evidence";
    }

    private static IReadOnlyList<string> Identity(LedgerState state, EnrolMachine command)
    {
        try
        {
            var identity = MachineIdentity.Parse(command.AttestationKey.Span);
            if (identity.MachineId() != command.Machine) return ["the machine's id does not follow from its identity"];
            return state.Machines.Find(command.Machine) is null ? [.. state.Machines.Refusals(MachinePart.Of(command.Kind, identity))] : [];
        }
        catch (MalformedException e)
        {
            return [$"the attestation key of a TEE is its identity: {e.Message}"];
        }
    }

    private static IReadOnlyList<string> AttestationKeyOf(EnrolMachine command)
    {
        try
        {
            var key = TpmPublic.Parse(command.AttestationKey.Span);
            List<string> reasons = [.. AttestationKey.Refusals(key)];
            if (EnrolledMachine.IdOf(key.Name()) != command.Machine) reasons.Add("the machine's id does not follow from its key");
            return reasons;
        }
        catch (MalformedException e)
        {
            return [$"the attestation key is no TPM2B_PUBLIC: {e.Message}"];
        }
    }
}
