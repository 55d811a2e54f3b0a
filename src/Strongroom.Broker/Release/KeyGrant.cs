namespace Strongroom.Broker.Release;

/// <summary>
/// The permission to unwrap one model's keys, for an enclave (<see cref="ReleaseGrant"/>) or for a guest (<see cref="Kbs.GuestGrant"/>): a decision that allows it, read out
/// of an entry that was proved to stand in the witnessed ledger. <see cref="KeyRelease"/> takes nothing else, so that a key which leaves without its record does not compile.
/// </summary>
internal abstract class KeyGrant
{
    private protected KeyGrant(string model, long version, IReadOnlyList<string>? files) => (Model, Version, Files) = (model, version, files);

    public string Model { get; }

    public long Version { get; }

    /// <summary>The files whose keys are granted; null for the whole model.</summary>
    public IReadOnlyList<string>? Files { get; }
}
