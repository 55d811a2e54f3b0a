using System.CommandLine;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;
using Strongroom.Cli.Appraising;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom endorsements fetch</c>: what a verdict on a piece of evidence lacks, from the vendors' services.</summary>
internal static class EndorsementsFetchCommand
{
    /// <summary>A chain, then a list that it names, then one more: nothing needs more rounds.</summary>
    private const int MaxRounds = 6;

    private const int MaxSizeInBytes = 16 * 1024 * 1024;

    internal static Command Create()
    {
        var file = new Argument<string>("evidence") { Description = "A piece of evidence of the machine" };
        var directory = new Argument<string>("directory") { Description = "Where the files go; what is there already and still good is not asked for again" };
        var kind = new Option<string>("--kind") { Description = "As for evidence verify", DefaultValueFactory = _ => "auto" };
        var policy = new Option<string>("--policy") { Description = "As for evidence verify: it says how old endorsements may be", HelpName = "FILE" };
        var mirror = new Option<string[]>("--mirror") { Description = $"Ask there instead of {string.Join(", ", VendorServices.Known.Keys)}; may be given several times", HelpName = "NAME=URL" };
        return new Command("fetch",
            """
            Get from the vendors' services what a verdict on this evidence lacks

            Sends them what the evidence says of the machine: its chip's id, its platform's family, its devices' certificates. Busy services are asked again, more and more slowly.
            Exit code 0: nothing is missing any more (which is no verdict: evidence verify makes that); 3: something still is.
            The vendors' own services could not be tried when this was written, only a server that answers as their documents say.
            """).With(file, directory, kind, policy, mirror).Runs(async (parsed, terminal, cancel) =>
        {
            var evidence = await File.ReadAllBytesAsync(parsed.GetRequiredValue(file), cancel);
            var appraiser = EvidenceCommand.Find(parsed.GetValue(kind)!, evidence);
            var rules = parsed.GetValue(policy) is { } path ? AppraisalPolicy.Read(path) : default;
            var into = parsed.GetRequiredValue(directory);
            Directory.CreateDirectory(into);
            using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { Timeout = TimeSpan.FromSeconds(30), MaxResponseContentBufferSize = MaxSizeInBytes };
            var services = new VendorServices(http, Mirrors(parsed.GetValue(mirror) ?? []));
            List<string> got = [];
            HashSet<string> asked = [];
            var missing = Missing();
            for (var round = 0; round < MaxRounds && missing.SelectMany(VendorServices.AddressesIn).Distinct().Except(asked).ToList() is { Count: > 0 } addresses; round++)
            {
                foreach (var address in addresses)
                {
                    asked.Add(address);
                    terminal.Note($"asking {address}"); // which may take minutes, where a service is busy
                    got.AddRange(await GetAsync(services, address, into, terminal, cancel));
                }
                missing = Missing();
            }
            terminal.Answer(
                new JsonObject { ["files"] = Words(got), ["missing"] = Words(missing) },
                text =>
                {
                    foreach (var name in got) text.WriteLine($"got {name}");
                    foreach (var each in missing) text.WriteLine($"still missing: {each}");
                    if (missing.Count == 0) text.WriteLine($"nothing is missing: strongroom evidence verify --endorsements {into}");
                });
            return missing.Count == 0 ? ExitCode.Ok : ExitCode.Unavailable;

            IReadOnlyList<string> Missing() => appraiser.Appraise(new(evidence, TimeProvider.System.GetUtcNow())
            {
                Endorsements = EndorsementFiles.Read([into], null, terminal), Policy = rules, Without = new HashSet<CheckGroup> { CheckGroup.Binding },
            }).Missing;
        });
    }

    private static async Task<IEnumerable<string>> GetAsync(VendorServices services, string address, string into, Terminal terminal, CancellationToken cancel)
    {
        try
        {
            var files = await services.GetAsync(address, cancel);
            foreach (var (name, bytes) in files) RequireReadable(name, bytes);
            foreach (var (name, bytes) in files)
            {
                // Beside the directory, where nobody reads it: half a file among the others would spoil them all.
                var half = $"{Path.TrimEndingDirectorySeparator(Path.GetFullPath(into))}.fetching";
                await File.WriteAllBytesAsync(half, bytes, cancel);
                File.Move(half, Path.Combine(into, name), overwrite: true);
            }
            return files.Select(each => each.Name);
        }
        catch (Exception e) when (e is UnavailableException or MalformedException)
        {
            terminal.Note(e.Message); // the others may still be had
            return [];
        }
    }

    /// <exception cref="MalformedException">Nothing that a vendor publishes: a proxy's page, perhaps.</exception>
    private static void RequireReadable(string name, byte[] bytes)
    {
        if (Endorsements.Read([(name, bytes)]).Unrecognised.Count > 0) throw new MalformedException(-1, $"{name}: the answer is neither certificate nor revocation list, neither JSON nor XML");
    }

    private static Dictionary<string, string> Mirrors(string[] given)
    {
        Dictionary<string, string> mirrors = [];
        foreach (var each in given)
        {
            if (each.Split('=', 2) is not [var name, var url] || !VendorServices.Known.ContainsKey(name) || !Uri.TryCreate(url, UriKind.Absolute, out var parsed) || parsed.Scheme is not ("http" or "https"))
                throw new UsageException($"--mirror is NAME=URL, with one of the names {string.Join(", ", VendorServices.Known.Keys)}, not {each}");
            mirrors[name] = url;
        }
        return mirrors;
    }

    private static JsonArray Words(IEnumerable<string> words) => new([.. words.Select(each => (JsonNode)each)]);
}
