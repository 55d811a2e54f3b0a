using Strongroom.Bytes;
using Strongroom.Facts;

namespace Strongroom.Cli.Approving;

/// <summary>A key that was given out, to an enclave of ours or to a guest: what approvers compare the next request with.</summary>
internal sealed record Released(DateTimeOffset At, string Request, string Machine, string Model, long Version, Digest Measurement)
{
    /// <returns>Null where the record gave out nothing.</returns>
    internal static Released? Of(LedgerRecord record) => record switch
    {
        ReleaseDecided { Grant: not null, Measurement: { } measured } given => new(given.At, given.Transcript.Request, given.Transcript.Machine, given.Model, given.Version, measured),
        GuestDecided { Grant: not null, Measurement: { } measured } given => new(given.At, given.Transcript.Request, given.Transcript.Machine, given.Model, given.Version, measured),
        _ => null,
    };
}
