using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Ledger;
using Strongroom.Policy;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom ledger verify|prove|show|copy</c>: what anybody can do with a ledger who has its verifier key and nothing else.</summary>
internal static class LedgerCommand
{
    private const string Places = "a copy of the ledger in a directory, a broker's directory or a backup of it (the broker may run, or have stopped), or https://BROKER:PORT";

    private static readonly Argument<string> Source = new("DIR_OR_URL") { Description = Places };
    private static readonly Argument<long> Index = new("INDEX") { Description = "which entry, counted from 0" };
    private static readonly Option<string> Ledger = new("--ledger") { Description = Places, Required = true };
    private static readonly Option<VerifierKey> Key = Vkey("--key", "the ledger's verifier key: name+id+base64", tokens => VerifierKey.Parse(tokens[0]), required: true);
    private static readonly Option<VerifierKey?> OptionalKey =
        Vkey<VerifierKey?>("--key", "the ledger's verifier key; without it the answer is only what somebody claims", tokens => VerifierKey.Parse(tokens[0]));
    private static readonly Option<VerifierKey[]> Witness =
        Vkey<VerifierKey[]>("--witness", "a verifier key that must have cosigned; may be given more than once", tokens => [.. tokens.Select(VerifierKey.Parse)]);
    private static readonly Option<FileInfo?> Since = new("--since") { Description = "a checkpoint that you kept, or that a witness shows: the ledger must extend it" };
    private static readonly Option<string?> Candidate = new("--policy") { Description = "a policy (YAML, or the canonical JSON) to hold against every past decision" };

    /// <param name="endorsements">How a bundle on record is read; tests hand in one that knows their vendors. Null is how everybody else reads it.</param>
    internal static Command Create(Func<ReadOnlyMemory<byte>, RecordedEndorsements>? endorsements = null) =>
        new Command("ledger", "Audit, prove and read a ledger: from its server, from a copy, or where a broker stores it").With(
            new Command("verify", "Hash every entry and node anew; check signatures, cosignatures, blobs and decisions").With(Source, Key, Witness, Since).Runs((parsed, terminal, cancel) => VerifyAsync(parsed, terminal, endorsements, cancel)),
            new Command("replay", "Compute every decision again, to the same bytes; with --policy also what another policy would have decided").With(Source, Key, Witness, Candidate).Runs((parsed, terminal, cancel) => ReplayAsync(parsed, terminal, endorsements, cancel)),
            new Command("prove", "Print the proof (C2SP tlog-proof) that an entry stands in the ledger").With(Index, Ledger, OptionalKey, Witness).Runs(ProveAsync),
            new Command("show", "Print entries, or the checkpoint when no index is given").With(new Argument<long?>("INDEX") { Arity = ArgumentArity.ZeroOrOne }, Ledger, OptionalKey, Witness).Runs(ShowAsync),
            new Command("copy", "Take a copy that can be verified offline").With(Source, new Argument<DirectoryInfo>("DIR")).Runs(CopyAsync));

    private static async Task<int> VerifyAsync(ParseResult parsed, Terminal terminal, Func<ReadOnlyMemory<byte>, RecordedEndorsements>? endorsements, CancellationToken cancel)
    {
        var since = parsed.GetValue(Since) is { } file ? SignedNote.Parse(await File.ReadAllBytesAsync(file.FullName, cancel)) : null;
        var (audit, records) = await AuditAsync(parsed, terminal, since, null, endorsements, cancel);
        var head = audit.Checkpoint!;
        terminal.Answer(
            new JsonObject
            {
                ["sound"] = true,
                ["origin"] = head.Origin,
                ["size"] = head.Size,
                ["root"] = Convert.ToBase64String(head.Root.Span),
                ["blobs"] = audit.Blobs,
                ["commands"] = records.Commands,
                ["decisions"] = records.Recomputed,
                ["grants"] = records.Grants,
                ["cosigned"] = new JsonArray([.. audit.Cosignatures.Select(each => (JsonNode)new JsonObject { ["witness"] = each.Witness, ["at"] = Timestamp.Format(each.At) })]),
            },
            words =>
            {
                words.WriteLine($"{head.Origin}: {head.Size} entries and {audit.Blobs} blobs, every hash and signature as it should be");
                words.WriteLine($"{records.Commands} commands by people who might; {records.Recomputed} decisions, {records.Grants} of them grants, each by the policy then in force");
                foreach (var each in audit.Cosignatures) words.WriteLine($"cosigned by {each.Witness} at {Timestamp.Format(each.At)}");
                if (since is not null) words.WriteLine($"extends the kept checkpoint of {Checkpoint.Parse(since.Text).Size} entries");
            });
        return ExitCode.Ok;
    }

    private static async Task<int> ReplayAsync(ParseResult parsed, Terminal terminal, Func<ReadOnlyMemory<byte>, RecordedEndorsements>? endorsements, CancellationToken cancel)
    {
        var candidate = parsed.GetValue(Candidate) is { } file ? PolicyCommand.Read(file) : null;
        var (_, records) = await AuditAsync(parsed, terminal, null, candidate, endorsements, cancel);
        terminal.Answer(
            new JsonObject
            {
                ["decisions"] = records.Recomputed,
                ["differences"] = new JsonArray([.. records.Differences.Select(each => (JsonNode)new JsonObject
                {
                    ["index"] = each.Index,
                    ["was"] = each.Was.ToString().ToLowerInvariant(),
                    ["would"] = each.Would.ToString().ToLowerInvariant(),
                    ["because"] = new JsonArray([.. each.Because.Select(reason => (JsonNode)reason)]),
                })]),
            },
            words =>
            {
                words.WriteLine($"{records.Recomputed} decisions computed again, each to the same bytes");
                foreach (var each in records.Differences)
                    words.WriteLine($"entry {each.Index} was {each.Was}, would be {each.Would}{(each.Because.Count > 0 ? ": " : "")}{string.Join("; ", each.Because)}".ToLowerInvariant());
                if (candidate is not null && records.Differences.Count == 0) words.WriteLine("the other policy would have decided each of them in the same way");
            });
        return ExitCode.Ok;
    }

    /// <summary>Both audits, of the bytes and of what they mean, in one reading.</summary>
    /// <exception cref="RefusedException">Either of them found something.</exception>
    /// <exception cref="LedgerBrokenException">The same, in the store of a broker itself.</exception>
    private static async Task<(LedgerAudit Ledger, DecisionAudit Records)> AuditAsync(
        ParseResult parsed, Terminal terminal, SignedNote? since, ReleasePolicy? candidate, Func<ReadOnlyMemory<byte>, RecordedEndorsements>? endorsements, CancellationToken cancel)
    {
        using var place = LedgerPlace.Open(parsed.GetValue(Source)!);
        var (key, witnesses) = (parsed.GetValue(Key)!, Witnesses(parsed, place));
        if (witnesses.Length == 0) terminal.Note($"no --witness was given: nothing shows that other readers see the same ledger{(place.IsStore ? ", or that it was not rolled back (--since tells)" : "")}");
        using var progress = new LedgerProgress(terminal, $"reading {parsed.GetValue(Source)}", place);
        var records = new RecordAudit(new(progress.ReadAsync), key, candidate, endorsements);
        var audit = await LedgerAudit.RunAsync(progress.ReadAsync, key, witnesses, since, (index, entry, token) =>
        {
            progress.Entry(index);
            return records.ReadAsync(index, entry, token);
        }, cancel);
        IReadOnlyList<string> findings = [.. audit.Findings, .. records.Findings];
        if (findings.Count == 0) return (audit, records.Decisions);
        throw place.IsStore ? new LedgerBrokenException(string.Join("; ", findings)) : new RefusedException(findings);
    }

    /// <exception cref="UsageException">They cannot have cosigned what only the broker wrote.</exception>
    private static VerifierKey[] Witnesses(ParseResult parsed, LedgerPlace place)
    {
        var witnesses = parsed.GetValue(Witness) ?? [];
        return witnesses.Length == 0 || !place.IsStore ? witnesses : throw new UsageException(
            "a broker stores no cosignatures, its witnesses keep them: leave --witness out and hold what the witness shows (GET /ORIGIN-HASH/checkpoint) against it, with verify --since FILE");
    }

    private static async Task<int> ProveAsync(ParseResult parsed, Terminal terminal, CancellationToken cancel)
    {
        using var place = LedgerPlace.Open(parsed.GetValue(Ledger)!);
        var reader = new LedgerReader(place.ReadAsync);
        var head = await HeadAsync(parsed, place, reader, terminal, cancel);
        var index = Within(parsed.GetValue(Index), head);
        await reader.ProvedEntryAsync(index, head, cancel);
        var proof = await reader.ProofAsync(index, head, cancel);
        terminal.Answer(new JsonObject { ["index"] = index, ["proof"] = proof.ToString() }, words => words.Write(proof));
        return ExitCode.Ok;
    }

    private static async Task<int> ShowAsync(ParseResult parsed, Terminal terminal, CancellationToken cancel)
    {
        using var place = LedgerPlace.Open(parsed.GetValue(Ledger)!);
        var reader = new LedgerReader(place.ReadAsync);
        var head = await HeadAsync(parsed, place, reader, terminal, cancel);
        if (parsed.GetValue<long?>("INDEX") is not { } asked)
        {
            terminal.Answer(new JsonObject { ["checkpoint"] = head.ToString() }, words => words.Write(head));
            return ExitCode.Ok;
        }
        var entry = await reader.ProvedEntryAsync(Within(asked, head), head, cancel);
        terminal.Answer(JsonNode.Parse(entry.Span), words => words.WriteLine(Encoding.UTF8.GetString(entry.Span)));
        return ExitCode.Ok;
    }

    /// <summary>The head, checked with the keys that were given.</summary>
    private static async Task<SignedNote> HeadAsync(ParseResult parsed, LedgerPlace place, LedgerReader reader, Terminal terminal, CancellationToken cancel)
    {
        var witnesses = Witnesses(parsed, place);
        var head = await reader.CheckpointAsync(cancel);
        if (parsed.GetValue(OptionalKey) is { } key) LedgerTrust.Require(head, key, witnesses);
        else terminal.Note("no --key was given: this is what the server or copy claims");
        return head;
    }

    private static async Task<int> CopyAsync(ParseResult parsed, Terminal terminal, CancellationToken cancel)
    {
        using var place = LedgerPlace.Open(parsed.GetValue(Source)!);
        var directory = parsed.GetValue<DirectoryInfo>("DIR")!;
        int copied;
        using (var progress = new LedgerProgress(terminal, $"copying {parsed.GetValue(Source)}", place)) copied = await LedgerCopy.TakeAsync(progress, directory, cancel);
        terminal.Answer(new JsonObject { ["files"] = copied, ["directory"] = directory.FullName }, words => words.WriteLine($"{copied} files in {directory}; check them: strongroom ledger verify {directory} --key VKEY"));
        return ExitCode.Ok;
    }

    private static long Within(long index, SignedNote head)
    {
        var size = Checkpoint.Parse(head.Text).Size;
        return index >= 0 && index < size ? index : throw new UsageException($"the ledger has entries 0 to {size - 1}, not {index}");
    }

    private static Option<T> Vkey<T>(string name, string description, Func<string[], T> parse, bool required = false) => new(name)
    {
        Required = required,
        Description = description,
        CustomParser = result =>
        {
            try
            {
                return parse([.. result.Tokens.Select(token => token.Value)]);
            }
            catch (MalformedException e)
            {
                result.AddError(e.Message);
                return default;
            }
        },
    };
}
