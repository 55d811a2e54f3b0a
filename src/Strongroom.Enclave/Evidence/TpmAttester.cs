using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;

namespace Strongroom.Enclave.Evidence;

/// <summary>Where an enclave finds its TPM and what belongs to it.</summary>
/// <param name="Tpm">As <see cref="TpmDevice.Open"/> takes it.</param>
/// <param name="EventLog">The firmware's log.</param>
/// <param name="State">
/// Directory of the log of starts, one for all enclaves of the machine. It need not survive a reboot, and need not be trusted: a log that was changed
/// does not lead to the PCR.
/// </param>
public sealed record TpmPlace(string Tpm = TpmDevice.Default, string EventLog = TpmPlace.KernelEventLog, string State = "/run/strongroom")
{
    public const string KernelEventLog = "/sys/kernel/security/tpm0/binary_bios_measurements";
}

/// <summary>
/// The machine's side: introduces the TPM, opens the broker's challenge, measures the enclave's start and quotes. The TPM is opened for each act and let
/// go again, since a software TPM talks to one process at a time.
/// </summary>
public sealed class TpmAttester(TpmPlace place, IReadOnlyList<int> pcrs, int applicationPcr)
{
    private const string StartsName = "starts.json";

    /// <summary>What the broker needs in order to enrol this machine.</summary>
    /// <param name="intermediates">Certificates, DER, between the TPM's and its maker's root.</param>
    /// <exception cref="UnavailableException">No TPM, or one without a certificate for an RSA 2048 or ECC P-256 endorsement key.</exception>
    public TpmIntroduction Introduce(params IEnumerable<byte[]> intermediates)
    {
        using var tpm = TpmDevice.Open(place.Tpm);
        var (certificate, _) = Endorsement(tpm);
        using var key = tpm.CreatePrimary(AttestationKey.Template);
        return new(certificate, [.. intermediates], key.Public.ToBytes());
    }

    /// <summary>The answer to the broker's challenge, for whoever holds both keys of the introduction.</summary>
    public Secret Activate(TpmCredential credential)
    {
        using var tpm = TpmDevice.Open(place.Tpm);
        using var endorsement = tpm.CreatePrimary(Endorsement(tpm).Template);
        using var key = tpm.CreatePrimary(AttestationKey.Template);
        return tpm.ActivateCredential(key, endorsement, credential);
    }

    /// <summary>Id under which this machine is enrolled.</summary>
    public string Machine()
    {
        using var tpm = TpmDevice.Open(place.Tpm);
        using var key = tpm.CreatePrimary(AttestationKey.Template);
        return EnrolledMachine.IdOf(key.Public.Name());
    }

    /// <summary>The boot PCRs as the claims that reference values are made of.</summary>
    public IReadOnlyDictionary<string, string> Claims()
    {
        using var tpm = TpmDevice.Open(place.Tpm);
        return tpm.ReadPcrs(pcrs).ToDictionary(value => $"pcr{Name(value.Key)}", value => value.Value.ToString());
    }

    /// <summary>
    /// Extends the application PCR by this enclave, once in its life, before it asks for anything. The log is on disk before the PCR moves, so that a
    /// crash between the two leaves a start that was logged and not measured, which the next start drops; never one that was measured and is unknown.
    /// </summary>
    /// <exception cref="UnavailableException">Something that no log explains is in the PCR: only a reboot helps.</exception>
    public void Measure(EnclaveStart start)
    {
        using var turn = Lock();
        using var tpm = TpmDevice.Open(place.Tpm);
        List<EnclaveStart> starts = [.. Measured(tpm), start];
        if (starts.Count > EvidenceVerifier.MaxStarts) throw new UnavailableException($"{EvidenceVerifier.MaxStarts} enclaves have started since the machine did: reboot it");
        Directory.CreateDirectory(place.State);
        var path = Path.Combine(place.State, StartsName);
        using (var file = new FileStream(path + ".new", FileMode.Create, FileAccess.Write))
        {
            file.Write(EnclaveStart.WriteLog(starts));
            file.Flush(flushToDisk: true);
        }
        File.Move(path + ".new", path, overwrite: true);
        tpm.ExtendPcr(applicationPcr, start.Measure());
    }

    /// <summary>Evidence for one transcript: canonical JSON, spec/evidence.md, "TPM 2.0".</summary>
    /// <remarks>Another program may extend a register between the values and the quote; the broker then refuses the evidence.</remarks>
    /// <exception cref="UnavailableException">The TPM or the event log cannot be read, or no log explains the application PCR.</exception>
    public byte[] Quote(Digest transcript)
    {
        using var turn = Lock();
        using var tpm = TpmDevice.Open(place.Tpm);
        using var key = tpm.CreatePrimary(AttestationKey.Template);
        int[] selected = [.. pcrs.Append(applicationPcr).Order()];
        var starts = Measured(tpm);
        var values = tpm.ReadPcrs(selected);
        var (quote, signature) = tpm.Quote(key, selected, transcript.Span);
        return new TpmEvidence(TpmEvidence.KindName, quote, signature, values.ToDictionary(value => Name(value.Key), value => value.Value), ReadEventLog(), starts).ToBytes();
    }

    /// <summary>The starts that the application PCR holds: the longest beginning of the log that leads to its value.</summary>
    private List<EnclaveStart> Measured(TpmDevice tpm)
    {
        var value = tpm.ReadPcrs([applicationPcr])[applicationPcr];
        var path = Path.Combine(place.State, StartsName);
        var logged = File.Exists(path) ? EnclaveStart.ReadLog(File.ReadAllBytes(path)) : [];
        for (var count = logged.Count; count >= 0; count--)
        {
            if (EnclaveStart.Replay(logged.Take(count)) == value) return [.. logged.Take(count)];
        }
        throw new UnavailableException($"PCR {applicationPcr} holds something that {path} does not explain: another program extended it, or the log was lost; reboot the machine");
    }

    private byte[] ReadEventLog()
    {
        try
        {
            return File.ReadAllBytes(place.EventLog);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UnavailableException($"the event log {place.EventLog} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>One enclave of the machine at a time reads or moves the PCR.</summary>
    private FileStream Lock()
    {
        var path = Path.Combine(place.State, "lock");
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                Directory.CreateDirectory(place.State);
                return new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (attempt < 100)
            {
                Thread.Sleep(50);
            }
            catch (IOException e)
            {
                throw new UnavailableException($"another enclave holds {path}, or it cannot be written: {e.Message}", e);
            }
            catch (UnauthorizedAccessException e)
            {
                throw new UnavailableException($"{path} cannot be written: run as a user who may, or name another directory with --state", e);
            }
        }
    }

    private static (byte[] Certificate, TpmPublic Template) Endorsement(TpmDevice tpm)
    {
        if (tpm.ReadNv(TpmDevice.RsaCertificate) is { } rsa) return (Certificate(rsa), EndorsementKey.RsaTemplate);
        if (tpm.ReadNv(TpmDevice.EccCertificate) is { } ecc) return (Certificate(ecc), EndorsementKey.EccTemplate);
        throw new UnavailableException("the TPM holds no certificate for an RSA 2048 or ECC P-256 endorsement key");
    }

    /// <summary>Makers pad the index behind the certificate; the verifier takes the certificate and nothing else.</summary>
    private static byte[] Certificate(byte[] content)
    {
        using var certificate = X509CertificateLoader.LoadCertificate(content);
        return certificate.RawData;
    }

    private static string Name(int pcr) => pcr.ToString(CultureInfo.InvariantCulture);
}
