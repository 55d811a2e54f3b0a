using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom ledger verify|prove|show|copy</c>: what anybody can do with a ledger who has its verifier key and nothing else.</summary>
internal static class LedgerCommand
{
    private static readonly Argument<string> Source = new("DIR_OR_URL") { Description = "a copy of the ledger in a directory, or https://BROKER:PORT" };
    private static readonly Argument<long> Index = new("INDEX") { Description = "which entry, counted from 0" };
    private static readonly Option<string> Ledger = new("--ledger") { Description = "a copy of the ledger in a directory, or https://BROKER:PORT", Required = true };
    private static readonly Option<VerifierKey> Key = Vkey("--key", "the ledger's verifier key: name+id+base64", tokens => VerifierKey.Parse(tokens[0]), required: true);
    private static readonly Option<VerifierKey?> OptionalKey =
        Vkey<VerifierKey?>("--key", "the ledger's verifier key; without it the answer is only what somebody claims", tokens => VerifierKey.Parse(tokens[0]));
    private static readonly Option<VerifierKey[]> Witness =
        Vkey<VerifierKey[]>("--witness", "a verifier key that must have cosigned; may be given more than once", tokens => [.. tokens.Select(VerifierKey.Parse)]);
    private static readonly Option<FileInfo?> Since = new("--since") { Description = "a checkpoint that you kept: the ledger must extend it" };

    internal static Command Create() =>
        new Command("ledger", "Audit, prove and read a ledger, from its server or from a copy").With(
            new Command("verify", "Hash every entry and node anew; check signatures, cosignatures, blobs and decisions").With(Source, Key, Witness, Since).Runs(VerifyAsync),
            new Command("prove", "Print the proof (C2SP tlog-proof) that an entry stands in the ledger").With(Index, Ledger, OptionalKey, Witness).Runs(ProveAsync),
            new Command("show", "Print entries, or the checkpoint when no index is given").With(new Argument<long?>("INDEX") { Arity = ArgumentArity.ZeroOrOne }, Ledger, OptionalKey, Witness).Runs(ShowAsync),
            new Command("copy", "Take a copy that can be verified offline").With(Source, new Argument<DirectoryInfo>("DIR")).Runs(CopyAsync));

    private static async Task<int> VerifyAsync(ParseResult parsed, Terminal terminal, CancellationToken cancel)
    {
        using var place = LedgerPlace.Open(parsed.GetValue(Source)!);
        var witnesses = parsed.GetValue(Witness) ?? [];
        var since = parsed.GetValue(Since) is { } file ? SignedNote.Parse(await File.ReadAllBytesAsync(file.FullName, cancel)) : null;
        var records = new RecordAudit();
        var audit = await LedgerAudit.RunAsync(place.ReadAsync, parsed.GetValue(Key)!, witnesses, since, records.ReadAsync, cancel);
        IReadOnlyList<string> findings = [.. audit.Findings, .. records.Findings];
        if (witnesses.Length == 0) terminal.Note("no --witness was given: nothing shows that other readers see the same ledger");
        if (findings.Count > 0) throw new RefusedException(findings);
        var head = audit.Checkpoint!;
        terminal.Answer(
            new JsonObject
            {
                ["sound"] = true,
                ["origin"] = head.Origin,
                ["size"] = head.Size,
                ["root"] = Convert.ToBase64String(head.Root.Span),
                ["blobs"] = audit.Blobs,
                ["decisions"] = records.Decisions,
                ["cosigned"] = new JsonArray([.. audit.Cosignatures.Select(each => (JsonNode)new JsonObject { ["witness"] = each.Witness, ["at"] = Timestamp.Format(each.At) })]),
            },
            words =>
            {
                words.WriteLine($"{head.Origin}: {head.Size} entries, {audit.Blobs} blobs and {records.Decisions} decisions, all as signed");
                foreach (var each in audit.Cosignatures) words.WriteLine($"cosigned by {each.Witness} at {Timestamp.Format(each.At)}");
                if (since is not null) words.WriteLine($"extends the kept checkpoint of {Checkpoint.Parse(since.Text).Size} entries");
            });
        return ExitCode.Ok;
    }

    private static async Task<int> ProveAsync(ParseResult parsed, Terminal terminal, CancellationToken cancel)
    {
        using var place = LedgerPlace.Open(parsed.GetValue(Ledger)!);
        var reader = new LedgerReader(place.ReadAsync);
        var head = await HeadAsync(parsed, reader, terminal, cancel);
        var index = Within(parsed.GetValue(Index), head);
        var proof = await reader.ProofAsync(index, head, cancel);
        Require(proof, await reader.EntryAsync(index, Checkpoint.Parse(head.Text).Size, cancel));
        terminal.Answer(new JsonObject { ["index"] = index, ["proof"] = proof.ToString() }, words => words.Write(proof));
        return ExitCode.Ok;
    }

    private static async Task<int> ShowAsync(ParseResult parsed, Terminal terminal, CancellationToken cancel)
    {
        using var place = LedgerPlace.Open(parsed.GetValue(Ledger)!);
        var reader = new LedgerReader(place.ReadAsync);
        var head = await HeadAsync(parsed, reader, terminal, cancel);
        if (parsed.GetValue<long?>("INDEX") is not { } asked)
        {
            terminal.Answer(new JsonObject { ["checkpoint"] = head.ToString() }, words => words.Write(head));
            return ExitCode.Ok;
        }
        var entry = await reader.EntryAsync(Within(asked, head), Checkpoint.Parse(head.Text).Size, cancel);
        Require(await reader.ProofAsync(asked, head, cancel), entry);
        terminal.Answer(JsonNode.Parse(entry.Span), words => words.WriteLine(Encoding.UTF8.GetString(entry.Span)));
        return ExitCode.Ok;
    }

    /// <summary>The head, checked with the keys that were given.</summary>
    private static async Task<SignedNote> HeadAsync(ParseResult parsed, LedgerReader reader, Terminal terminal, CancellationToken cancel)
    {
        var head = await reader.CheckpointAsync(cancel);
        if (parsed.GetValue(OptionalKey) is { } key) LedgerTrust.Require(head, key, parsed.GetValue(Witness) ?? []);
        else terminal.Note("no --key was given: this is what the server or copy claims");
        return head;
    }

    private static void Require(LedgerProof proof, ReadOnlyMemory<byte> entry)
    {
        var head = Checkpoint.Parse(proof.Checkpoint.Text);
        if (!MerkleTree.Includes(head.Root, head.Size, proof.Index, MerkleTree.LeafHash(entry.Span), proof.Hashes))
            throw new RefusedException($"entry {proof.Index} is not the one that the checkpoint was signed for");
    }

    private static async Task<int> CopyAsync(ParseResult parsed, Terminal terminal, CancellationToken cancel)
    {
        using var place = LedgerPlace.Open(parsed.GetValue(Source)!);
        var directory = parsed.GetValue<DirectoryInfo>("DIR")!;
        var copied = await LedgerCopy.TakeAsync(new(place.ReadAsync), place.ReadAsync, directory, cancel);
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
