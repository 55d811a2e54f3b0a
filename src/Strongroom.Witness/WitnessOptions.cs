using System.Net;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Witness;

/// <summary>The command line of the witness; nothing else configures it.</summary>
internal sealed record WitnessOptions(
    string Key, IReadOnlyList<VerifierKey> Ledgers, string State, IPEndPoint Listen, string? Certificate = null, string? CertificateKey = null)
{
    /// <summary>Null when the line makes no sense.</summary>
    /// <exception cref="MalformedException">A value that is not what its option takes.</exception>
    public static WitnessOptions? Parse(IReadOnlyList<string> arguments)
    {
        var values = new Dictionary<string, string>();
        List<VerifierKey> ledgers = [];
        for (var i = 0; i < arguments.Count; i += 2)
        {
            if (i + 1 == arguments.Count) return null;
            if (arguments[i] == "--ledger") ledgers.Add(VerifierKey.Parse(arguments[i + 1]));
            else if (arguments[i] is not ("--key" or "--state" or "--listen" or "--certificate" or "--certificate-key")) return null;
            else if (!values.TryAdd(arguments[i], arguments[i + 1])) return null;
        }
        if (ledgers.Count == 0 || !values.TryGetValue("--key", out var key) || !values.TryGetValue("--state", out var state) || !values.TryGetValue("--listen", out var listen)) return null;
        if (!IPEndPoint.TryParse(listen, out var address)) throw new MalformedException(-1, $"{listen} is not ADDRESS:PORT");
        var (certificate, certificateKey) = (values.GetValueOrDefault("--certificate"), values.GetValueOrDefault("--certificate-key"));
        if ((certificate is null) != (certificateKey is null)) return null;
        if (certificate is null && !IPAddress.IsLoopback(address.Address))
            throw new MalformedException(-1, "without --certificate the witness listens on a loopback address only: whoever sits between could answer in its place");
        if (ledgers.Exists(ledger => ledger.Algorithm != NoteAlgorithm.Ed25519) || ledgers.DistinctBy(ledger => ledger.Name).Count() != ledgers.Count)
            throw new MalformedException(-1, "each --ledger is the verifier key of another ledger");
        return new(key, ledgers, state, address, certificate, certificateKey);
    }
}
