using System.CommandLine;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom key create|show</c>.</summary>
internal static class KeyCommand
{
    internal static Command Create() => new("key", "Make and look at keys");
}
