using System.Net;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Witness;

/// <summary>The command line of the witness; nothing else configures it.</summary>
internal sealed record WitnessOptions(
    string Key, IReadOnlyList<VerifierKey> Ledgers, string State, IPEndPoint Listen, string? Certificate = null, string? CertificateKey = null)
{
    private static readonly Arguments Known = new(["key", "state", "listen", "certificate", "certificate-key"], ["ledger"], ["json"]);

    /// <exception cref="UsageException">The line makes no sense.</exception>
    /// <exception cref="MalformedException">A value that is not what its option takes.</exception>
    public static WitnessOptions Parse(IReadOnlyList<string> arguments)
    {
        var given = Known.Parse(arguments);
        var (key, state, listen) = (One("key"), One("state"), One("listen"));
        List<VerifierKey> ledgers = given.Contains("ledger") ? [.. given["ledger"].Select(VerifierKey.Parse)] : throw new UsageException("--ledger VKEY is missing: the ledger to watch");
        if (!IPEndPoint.TryParse(listen, out var address)) throw new MalformedException(-1, $"{listen} is not ADDRESS:PORT");
        var (certificate, certificateKey) = (given["certificate"].SingleOrDefault(), given["certificate-key"].SingleOrDefault());
        if ((certificate is null) != (certificateKey is null)) throw new UsageException("--certificate and --certificate-key belong together");
        if (certificate is null && !IPAddress.IsLoopback(address.Address))
            throw new MalformedException(-1, "without --certificate the witness listens on a loopback address only: whoever sits between could answer in its place");
        if (ledgers.Exists(ledger => ledger.Algorithm != NoteAlgorithm.Ed25519) || ledgers.DistinctBy(ledger => ledger.Name).Count() != ledgers.Count)
            throw new MalformedException(-1, "each --ledger is the verifier key of another ledger");
        return new(key, ledgers, state, address, certificate, certificateKey);

        string One(string name) => given[name].SingleOrDefault() ?? throw new UsageException($"--{name} is missing");
    }
}
