using Strongroom.Bytes;

namespace Strongroom.Broker;

/// <summary>Whose fault it was, for scripts (docs/house.md, Errors).</summary>
internal static class ExitCode
{
    public const int LedgerBroken = 71;

    public static int For(Exception e) => e switch
    {
        RefusedException or System.Security.Cryptography.AuthenticationTagMismatchException => 1, // the latter: a wrong passphrase
        MalformedException => 2,
        UnavailableException or IOException { InnerException: System.Net.Sockets.SocketException } => 3,
        FileNotFoundException or DirectoryNotFoundException => 66,
        LedgerBrokenException => LedgerBroken,
        _ => 70,
    };
}
