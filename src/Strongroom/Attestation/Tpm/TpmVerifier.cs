using System.Globalization;
using System.Security.Cryptography;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Tpm;

/// <summary>Checks a TPM 2.0 quote; the numbers are those of spec/evidence.md, "Checks".</summary>
internal sealed class TpmVerifier : EvidenceVerifier
{
    private protected override Verdict VerifyCore(ReadOnlyMemory<byte> evidence, EnrolledMachine machine, Digest transcript, EnclaveStart start, DateTimeOffset now)
    {
        var said = TpmEvidence.Parse(evidence.Span);
        var quote = TpmQuote.Parse(said.Quote); // check 5, magic and type: anything else is no quote
        var signature = TpmSignature.Parse(said.Signature);
        var log = EventLog.Parse(said.EventLog);
        var key = TpmPublic.Parse(machine.AttestationKey.Span);

        var reasons = new List<string>();
        void Check(bool holds, string reason)
        {
            if (!holds) reasons.Add(reason);
        }

        foreach (var refusal in machine.Refusals()) reasons.Add($"1 machine: {refusal}");
        Check(machine.Kind == TpmEvidence.KindName && machine.Id == EnrolledMachine.IdOf(key.Name()), "1 machine: the enrolled key is not this machine's");
        foreach (var refusal in AttestationKey.Refusals(key)) reasons.Add($"2 key: {refusal}");
        Check(signature.Scheme == key.Scheme && signature.Hash == key.SchemeHash, "3 algorithms: the signature is not of the key's own scheme");
        Check(key.Verifies(said.Quote, signature), "4 signature: the enrolled key did not sign this quote");
        Check(CryptographicOperations.FixedTimeEquals(quote.ExtraData.Span, transcript.Span), "6 transcript: the quote answers another challenge");

        int[] expected = [.. machine.Pcrs.Append(machine.ApplicationPcr).Order()];
        Check(quote.Selections is [var only] && only.Pcrs.SequenceEqual(expected), $"7 selection: the quote is not over exactly the PCRs {string.Join(' ', expected)}");
        Check(said.Pcrs.Keys.Order(StringComparer.Ordinal).SequenceEqual(expected.Select(Name).Order(StringComparer.Ordinal)), "7 selection: the values are not those of exactly the quoted PCRs");
        Check(quote.Selections.All(selection => selection.Bank == (ushort)TpmAlgorithm.Sha256), "9 bank: only the SHA-256 bank counts");
        if (reasons.Count > 0) return new Verdict.Rejected(reasons); // what follows reads values by number

        byte[] values = [.. expected.SelectMany(pcr => said.Pcrs[Name(pcr)].Span.ToArray())];
        Check(CryptographicOperations.FixedTimeEquals(quote.PcrDigest.Span, signature.Hash.Hash(values)), "8 digest: the values are not the quoted ones");
        var replayed = log.Replay();
        foreach (var pcr in machine.Pcrs) Check(replayed[pcr] == said.Pcrs[Name(pcr)], $"10 event log: it does not lead to PCR {pcr}");
        Check(quote.RestartCount == 0, "11 counters: the machine was suspended or hibernated since it booted");
        Check(quote.Safe, "11 counters: the TPM was not shut down in order and its clock may have gone back; it recovers by itself, at the latest after 70 minutes");
        Check(said.Starts.Count is > 0 and <= MaxStarts && said.Starts[^1] == start, "12 starts: the enclave that asks is not the one that started last");
        Check(said.Starts.Count <= MaxStarts && EnclaveStart.Replay(said.Starts) == said.Pcrs[Name(machine.ApplicationPcr)], $"12 starts: the log of starts does not lead to PCR {machine.ApplicationPcr}");
        Check(quote.QualifiedSigner.Span.SequenceEqual(AttestationKey.QualifiedName(key)), "13 signer: the key is not a primary key of the endorsement hierarchy");
        if (reasons.Count > 0) return new Verdict.Rejected(reasons);

        return new Verdict.Trusted(new()
        {
            Kind = TpmEvidence.KindName,
            Machine = machine.Id,
            Digest = Digest.Of(evidence.Span),
            Transcript = transcript,
            Claims = machine.Pcrs.ToDictionary(pcr => $"pcr{Name(pcr)}", pcr => said.Pcrs[Name(pcr)].ToString()),
            Starts = said.Starts,
            ResetCount = quote.ResetCount,
            RestartCount = quote.RestartCount,
            VerifiedAt = now,
        });
    }

    private static string Name(int pcr) => pcr.ToString(CultureInfo.InvariantCulture);
}
