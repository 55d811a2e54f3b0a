using System.Text;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;

namespace Strongroom.Enclave.Evidence;

/// <summary>
/// Plays firmware and boot loader on a software TPM: extends PCRs 0 to 7 as a real boot would and writes the log of it. For rehearsals and tests; it
/// refuses a TPM that is a device, whose boot is not ours to invent.
/// </summary>
public static class BootRehearsal
{
    private const uint Version = 0x00000008; // EV_S_CRTM_VERSION
    private const uint Handoff = 0x80000009; // EV_EFI_HANDOFF_TABLES
    private const uint Driver = 0x80000004; // EV_EFI_BOOT_SERVICES_DRIVER
    private const uint Application = 0x80000003; // EV_EFI_BOOT_SERVICES_APPLICATION
    private const uint Variable = 0x80000001; // EV_EFI_VARIABLE_DRIVER_CONFIG

    /// <param name="tpm">A software TPM, freshly reset.</param>
    /// <param name="changed">True to boot another kernel than last time: the attack that measured boot exists for.</param>
    /// <returns>The event log.</returns>
    /// <exception cref="RefusedException">The TPM is a device, or something has been measured since its reset.</exception>
    public static byte[] Run(TpmDevice tpm, bool changed)
    {
        if (!tpm.IsSoftware) throw new RefusedException("a boot is rehearsed on a software TPM only; this machine's own firmware measures its own boot");
        if (tpm.ReadPcrs([0, 1, 2, 3, 4, 5, 6, 7]).Values.Any(value => value.Span.ContainsAnyExcept((byte)0)))
            throw new RefusedException("this TPM has already measured a boot: restart it first");
        List<MeasuredEvent> events =
        [
            Event(0, Version, "rehearsal firmware 1.0"), Event(1, Handoff, "rehearsal board, one processor"), Event(2, Driver, "rehearsal network card"),
            Event(4, Application, "rehearsal boot loader"), Event(4, Application, changed ? "rehearsal kernel 6.12, changed by someone" : "rehearsal kernel 6.12"),
            Event(5, Handoff, "rehearsal partition table"), Event(7, Variable, "SecureBoot=1"),
            .. Enumerable.Range(0, 8).Select(pcr => new MeasuredEvent(pcr, MeasuredEvent.Separator, Digest.Of(new byte[4]), new byte[4])),
        ];
        foreach (var e in events) tpm.ExtendPcr(e.Pcr, e.Sha256);
        // a software TPM that was killed needs four seconds until its clock is safe again; a boot takes longer
        for (var waited = 0; waited < 100 && !tpm.IsClockSafe(); waited++) Thread.Sleep(100);
        return EventLog.Compose(events);
    }

    private static MeasuredEvent Event(int pcr, uint type, string what) => new(pcr, type, Digest.Of(Encoding.UTF8.GetBytes(what)), Encoding.UTF8.GetBytes(what));
}
