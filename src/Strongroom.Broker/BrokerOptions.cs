using System.Net;
using Strongroom.Bytes;
using Strongroom.Keys;
using Strongroom.Protocol;

namespace Strongroom.Broker;

/// <summary>The command line of <c>strongroom broker</c>. What it does not say, broker.json says; nothing else configures a broker.</summary>
internal sealed record BrokerOptions(string Directory, string? Listen, string? Witness, string? Custody, bool DangerDevelopmentEvidence, string? PassphraseFile = null)
{
    public const string Usage = """
        usage: strongroom broker --dir DIR [--listen ADDRESS:PORT] [--witness URL] [--custody URI]
                                     [--passphrase-file FILE] [--danger-development-evidence] [--json]
               strongroom broker copy --dir DIR --to COPY [--with-names] [--json]   what strongroom backup and restore run
               strongroom broker read --dir DIR                                     what strongroom ledger runs on a broker's directory

          --dir DIR                       the directory that `strongroom init` made
          --listen ADDRESS:PORT           instead of "listen" in broker.json; port 0 takes a free one
          --witness URL                   where the witness listens now; its key stays the one pinned in broker.json
          --custody URI                   the key that unwraps model keys, for instance file:custody.key
          --passphrase-file FILE          the first line opens the custody key; yours alone (chmod 600), or a pipe: /dev/fd/N;
                                          else it is asked for, or read from standard input
          --danger-development-evidence   lets software stand in for a TPM and marks every record, answer and log line that it touched
          --json                          one JSON object a line instead of sentences: where it listens, and with which key
        """;

    /// <summary>The options of <c>copy</c>.</summary>
    public static readonly Arguments Copy = new(["dir", "to"], [], ["with-names", "json"]);

    /// <summary>The options of <c>read</c>.</summary>
    public static readonly Arguments Read = new(["dir"], [], []);

    private static readonly Arguments Known = new(["dir", "listen", "witness", "custody", "passphrase-file"], [], ["danger-development-evidence", "json"]);

    /// <exception cref="UsageException">The line makes no sense.</exception>
    public static BrokerOptions Parse(IReadOnlyList<string> arguments)
    {
        var given = Known.Parse(arguments);
        if (One("custody") is { } custody && !KeyProvider.Names(custody)) throw new UsageException($"--custody {custody} names no place for keys: file:PATH");
        return new(
            One("dir") ?? throw new UsageException("--dir is missing: the directory that strongroom init made"), One("listen"), One("witness"), One("custody"),
            given.Contains("danger-development-evidence"), One("passphrase-file"));

        string? One(string name) => given[name].SingleOrDefault();
    }

    /// <exception cref="MalformedException">An address that is none, a witness elsewhere over plain http, or one witness URL for several witnesses.</exception>
    public BrokerConfiguration Over(BrokerConfiguration file)
    {
        if (Witness is not null && file.Witnesses.Count != 1)
            throw new MalformedException(-1, "--witness can replace the address of one witness; broker.json names several: change it there");
        var merged = file with
        {
            Listen = Listen ?? file.Listen,
            Witnesses = Witness is null ? file.Witnesses : [file.Witnesses[0] with { Url = Witness }],
            Custody = Custody ?? file.Custody,
            DangerDevelopmentEvidence = DangerDevelopmentEvidence || file.DangerDevelopmentEvidence == true ? true : null,
        };
        if (!IPEndPoint.TryParse(merged.Listen, out _)) throw new MalformedException(-1, $"{merged.Listen} is not ADDRESS:PORT");
        if (merged.Witnesses.Select(witness => witness.Refusal()).FirstOrDefault(reason => reason is not null) is { } refusal) throw new MalformedException(-1, refusal);
        return merged;
    }
}
