namespace Strongroom.Attestation.Appraisal;

/// <summary>A piece of evidence and everything that judging it needs. Nothing is fetched, no clock is read.</summary>
/// <param name="Evidence">The bytes as the platform's own tools write them.</param>
/// <param name="At">The time for every validity check.</param>
public sealed record AppraisalRequest(ReadOnlyMemory<byte> Evidence, DateTimeOffset At)
{
    /// <summary>Certificates, revocation lists and reference values from elsewhere; those inside the evidence need not be repeated.</summary>
    public Endorsements Endorsements { get; init; } = Endorsements.None;

    /// <summary>The policy of the kind, as JSON; empty for the strict built-in one.</summary>
    public ReadOnlyMemory<byte> Policy { get; init; }

    /// <summary>What the evidence must carry as its report data, in exactly the length of the platform's field; null when the caller does not say.</summary>
    public ReadOnlyMemory<byte>? ReportData { get; init; }

    /// <summary>What the evidence must carry as its nonce, in exactly that length, on platforms that have one.</summary>
    public ReadOnlyMemory<byte>? Nonce { get; init; }

    /// <summary>Groups of checks to leave out: dangerous, so each is named. <see cref="CheckGroup.Always"/> cannot be.</summary>
    public IReadOnlySet<CheckGroup> Without { get; init; } = new HashSet<CheckGroup>();

    /// <summary>The evidence is of one part of a machine: number, ties and binding of the parts are for who appraises the whole.</summary>
    internal bool IsPart { get; init; }

    /// <summary>
    /// Of a whole machine: nobody looks at its devices unless the processor was found good and bound to this exchange. Devices are dear to judge and count only under such
    /// a processor; and anybody can send the evidence of sixteen GPUs that is public with the ledger, but nobody has a processor that signs it for another exchange.
    /// </summary>
    internal bool ProcessorFirst { get; init; }

    /// <summary>Of a whole machine whose parts a protocol of others binds: what its devices must carry; <see cref="ReportData"/> is then what its processor must.</summary>
    internal ReadOnlyMemory<byte>? DeviceNonce { get; init; }
}
