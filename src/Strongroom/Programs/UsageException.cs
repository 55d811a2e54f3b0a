namespace Strongroom.Programs;

/// <summary>The command line cannot mean anything; exit code 64.</summary>
public sealed class UsageException(string what) : Exception(what);
