using System.CommandLine;

namespace Strongroom.Cli;

/// <summary>Where a command speaks when a test runs it, and with which clock.</summary>
internal sealed class Talk : InvocationConfiguration
{
    internal required TimeProvider Clock { get; init; }

    /// <summary>Somebody looks at standard error.</summary>
    internal bool Watched { get; init; } = true;
}
