namespace Strongroom.Cli;

/// <summary>What a script can rely on (docs/house.md, "Errors: say whose fault it is").</summary>
internal static class ExitCode
{
    internal const int Ok = 0;

    /// <summary>Evidence, policy or approval said no, or a sealed model was changed.</summary>
    internal const int Refused = 1;

    /// <summary>The input never was what it claims to be.</summary>
    internal const int Malformed = 2;

    /// <summary>A store, key holder or server cannot be reached now.</summary>
    internal const int Unavailable = 3;

    /// <summary>Approvals are missing.</summary>
    internal const int NotYet = 4;

    internal const int Usage = 64;
    internal const int NoSuchFile = 66;
    internal const int Bug = 70;
    internal const int LedgerBroken = 71;

    /// <summary>128 + SIGINT, as shells count.</summary>
    internal const int Interrupted = 130;
}
