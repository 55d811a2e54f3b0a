namespace Strongroom.Cli;

/// <summary>The command line cannot mean anything; exit code 64.</summary>
internal sealed class UsageException(string what) : Exception(what);
