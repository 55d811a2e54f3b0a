using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>The vendors' collateral that counts now.</summary>
public sealed record EndorsementsState
{
    public static readonly EndorsementsState Empty = new();

    /// <summary>Null until a bundle is recorded, and from when its collector is trusted no longer until there is another.</summary>
    public BundleOnRecord? Latest { get; private init; }

    /// <summary>Of every bundle that ever counted, the newest's collection; never goes back.</summary>
    internal DateTimeOffset Newest { get; private init; } = DateTimeOffset.MinValue;

    internal EndorsementsState Apply(long index, LedgerRecord record, AccessState access) => record switch
    {
        CommandRecord { Command: RecordEndorsements command } => new() { Latest = new(command, record.At, index), Newest = command.Collected },
        CommandRecord { Command: ApproveChange approve }
            when access.Proposals[approve.Proposal].Command.Change is RemoveCollector { Name: var name } && name == Latest?.Collector => this with { Latest = null },
        _ => this,
    };
}

/// <param name="At">When it was recorded.</param>
public sealed record BundleOnRecord(RecordEndorsements Command, DateTimeOffset At, long Index)
{
    public Digest Digest => Command.Bundle;

    public string Collector => Command.Collector;

    public DateTimeOffset Collected => Command.Collected;
}
