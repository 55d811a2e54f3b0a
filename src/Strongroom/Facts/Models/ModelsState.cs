using System.Collections.Immutable;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Facts;

/// <summary>The sealed models that are known.</summary>
public sealed record ModelsState
{
    public static readonly ModelsState Empty = new();

    /// <summary>By <see cref="Ids.Model"/>.</summary>
    public ImmutableDictionary<string, ModelVersion> Versions { get; private init; } = ImmutableDictionary<string, ModelVersion>.Empty;

    public Chronicle InOrder { get; private init; } = Chronicle.Empty;

    private ImmutableDictionary<string, long> Latest { get; init; } = ImmutableDictionary<string, long>.Empty;

    public ModelVersion? Find(string model, long version) => Versions.GetValueOrDefault(Ids.Model(model, version));

    /// <summary>The highest version on record; 0 if there is none.</summary>
    public long LatestVersion(string model) => Latest.GetValueOrDefault(model);

    internal ModelsState Apply(long index, LedgerRecord record, AccessState access) => record switch
    {
        CommandRecord { Command: AddModel add } => this with
        {
            Versions = Versions.Add(Ids.Model(add.Model, add.Version), new(add, access.Publishers[add.Publisher], record.At, index, Withdrawn: false)),
            InOrder = InOrder.With(index, Ids.Model(add.Model, add.Version)),
            Latest = Latest.SetItem(add.Model, add.Version),
        },
        CommandRecord { Command: Revoke { Target: var target } } when Versions.TryGetValue(target, out var version) =>
            this with { Versions = Versions.SetItem(target, version with { Withdrawn = true }) },
        _ => this,
    };
}

/// <param name="PublisherKey">The key that was the publisher's when the version was added, and that signed its manifest.</param>
/// <param name="Withdrawn">It was revoked.</param>
public sealed record ModelVersion(AddModel Command, Ed25519PublicKey PublisherKey, DateTimeOffset At, long Index, bool Withdrawn)
{
    public string Model => Command.Model;

    public long Version => Command.Version;

    public Digest Digest => Command.ModelDigest;
}
