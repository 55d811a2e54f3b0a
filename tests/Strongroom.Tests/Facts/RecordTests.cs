using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Tests.Crypto;

namespace Strongroom.Tests.Facts;

/// <summary>Records have one spelling and no unknown parts, spec/records.md "Form".</summary>
public sealed class RecordTests
{
    private static readonly Town Full = FullTown();

    public static TheoryData<int> Indices => [.. Enumerable.Range(0, Full.Entries.Count)];

    [Theory]
    [MemberData(nameof(Indices))]
    public void Reading_and_writing_gives_the_same_bytes(int index) =>
        Assert.Equal(Full.Entries[index], LedgerRecord.Parse(Full.Entries[index]).ToEntry());

    [Fact]
    public void Every_type_of_record_command_and_change_is_among_them()
    {
        var text = string.Join('\n', Full.Entries.Select(Town.Text));
        var names = new[] { typeof(LedgerRecord), typeof(Command), typeof(TrustChange) }
            .SelectMany(type => type.GetCustomAttributes(typeof(JsonDerivedTypeAttribute), false).Cast<JsonDerivedTypeAttribute>()).Select(type => (string)type.TypeDiscriminator!);
        Assert.All(names, name => Assert.Contains($"\"type\":\"{name}\"", text, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Indices))]
    public void Rejects_a_member_that_is_unknown_missing_or_null_anywhere(int index)
    {
        foreach (var spoilt in Spoilt(JsonNode.Parse(Full.Entries[index])!.AsObject()))
            Assert.Throws<MalformedException>(() => LedgerRecord.Parse(spoilt));
    }

    [Theory]
    [MemberData(nameof(Indices))]
    public void Rejects_any_other_spelling(int index)
    {
        var text = Town.Text(Full.Entries[index]);
        Assert.Throws<MalformedException>(() => LedgerRecord.Parse(Encoding.UTF8.GetBytes(text + "\n")));
        Assert.Throws<MalformedException>(() => LedgerRecord.Parse(Encoding.UTF8.GetBytes(text.Replace("\":", "\": ", StringComparison.Ordinal))));
        Assert.Throws<MalformedException>(() => LedgerRecord.Parse(Encoding.UTF8.GetBytes(string.Concat("{\"at\":\"2026-01-31T12:00:00Z\",", text.AsSpan(1)))));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"at\":\"2026-01-31T12:00:00Z\",\"type\":\"gift.v1\"}")]
    [InlineData("{\"at\":\"2026-01-31T12:00:00Z\",\"type\":\"genesis.v2\"}")]
    public void Rejects_an_unknown_type(string entry) => Assert.Throws<MalformedException>(() => LedgerRecord.Parse(Encoding.UTF8.GetBytes(entry)));

    [Fact]
    public void Rejects_an_entry_that_is_too_long() =>
        Assert.Throws<MalformedException>(() => LedgerRecord.Parse(new byte[LedgerRecord.MaxBytes + 1]));

    [Fact]
    public void Refuses_to_write_an_entry_that_is_too_long()
    {
        var long_ = Full.Revoke("x") with { Reason = new string('x', LedgerRecord.MaxBytes) };
        Assert.Throws<RefusedException>(() => new CommandRecord(Full.Now, long_, new byte[64]).ToEntry());
        Assert.Contains("the command is too long for the ledger", Full.Refusals(long_));
    }

    [Fact]
    public void Rejects_a_policy_with_a_member_twice() =>
        Assert.Throws<MalformedException>(() => CanonicalDocument.Parse("{\"rules\":[],\"rules\":[],\"type\":\"policy.v1\"}"u8));

    [Theory]
    [InlineData("[]"), InlineData("[{}]"), InlineData("null"), InlineData("1"), InlineData("\"x\""), InlineData("true")]
    [InlineData("{"), InlineData(""), InlineData("{\"a\":null}"), InlineData("{\"a\":1.5}"), InlineData("{\"a\":\"\\ud800\"}")]
    public void Rejects_a_document_that_is_no_canonical_object(string json) =>
        Assert.Throws<MalformedException>(() => CanonicalDocument.Parse(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void No_name_of_a_person_enters_a_record() => // whatever a record says of people it says by random ids
        Assert.All(Full.Entries, entry => Assert.DoesNotContain("\"name\":\"", Town.Text(entry).Replace("\"name\":\"acme\"", "", StringComparison.Ordinal)
            .Replace("\"name\":\"stories\"", "", StringComparison.Ordinal).Replace("\"name\":\"lab\"", "", StringComparison.Ordinal).Replace("\"name\":\"good-boot\"", "", StringComparison.Ordinal), StringComparison.Ordinal));

    [Fact]
    public void Folding_the_same_records_twice_gives_the_same_state()
    {
        var (once, twice) = (Fold(), Fold());
        Assert.Equal(Outline(once), Outline(twice));
        Assert.Equal(Outline(Full.State), Outline(once));
    }

    [Fact]
    public void Rejects_a_record_at_the_wrong_place()
    {
        var genesis = LedgerRecord.Parse(Full.Entries[0]);
        Assert.Throws<LedgerBrokenException>(() => LedgerState.Empty.Apply(1, genesis));
        Assert.Throws<LedgerBrokenException>(() => Full.State.Apply(Full.State.Size, genesis));
        Assert.Throws<LedgerBrokenException>(() => LedgerState.Empty.Apply(0, LedgerRecord.Parse(Full.Entries[1])));
        var next = new CommandRecord(Full.Now, Full.Open(), new byte[64]); // would fold, were it the next one
        foreach (var index in new[] { Full.State.Size - 1, Full.State.Size + 1 }) Assert.Throws<LedgerBrokenException>(() => Full.State.Apply(index, next));
        Assert.Equal(Full.State.Size + 1, Full.State.Apply(Full.State.Size, next).Size);
    }

    private static LedgerState Fold() =>
        Full.Entries.Aggregate(LedgerState.Empty, (state, entry) => state.Apply(state.Size, LedgerRecord.Parse(entry)));

    // Every public part of the state, dictionaries in the order of their keys.
    private static string Outline(LedgerState state) => string.Join('\n',
        state.Size, state.At, state.Origin,
        JsonSerializer.Serialize(state.Access.People.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Value with { Groups = [] }} {string.Join(',', p.Value.Groups)}")),
        string.Join(',', state.Access.Publishers), string.Join(',', state.Access.References.Keys), string.Join(',', state.Access.Proposals.Keys.Order(StringComparer.Ordinal)),
        state.Access.Policy?.Digest, state.Access.Policy?.Index,
        string.Join('\n', state.Models.Versions.Values.Select(m => $"{m.Model} {m.Version} {m.Digest} {m.Withdrawn} {m.Index}")),
        string.Join('\n', state.Machines.Machines.Values.Select(m => $"{m.Id} {m.Active} {m.Measurement} {m.MeasuredAt} {m.Index}")),
        string.Join('\n', state.Requests.Requests.Values.OrderBy(r => r.Index).Select(r => $"{r.Id} {r.Revoked} {r.LastAnswer} {string.Join(',', r.Approvals.Select(a => (a.Index, a.ConsumedBy)))}")),
        string.Join('\n', state.Release.Leases.Values.OrderBy(l => l.Index).Select(l => $"{l.Id} {l.Expires} {l.Ended} {string.Join(',', l.Approvals)}")));

    /// <summary>The object and each object inside it, with a member added, and with each member taken away or null, as canonical bytes where they have such.</summary>
    private static IEnumerable<byte[]> Spoilt(JsonObject root)
    {
        foreach (var path in Objects(root, []).ToList())
        {
            foreach (var change in new Action<JsonObject>[] { o => o["zz"] = 1 }.Concat(Members(root, path).Select(name => (Action<JsonObject>)(o => o[name] = null))))
            {
                var copy = root.DeepClone().AsObject();
                change(At(copy, path));
                yield return Encoding.UTF8.GetBytes(copy.ToJsonString());
            }
        }

        static IEnumerable<string> Members(JsonObject root, object[] path) => At(root, path).Select(member => member.Key).ToList();
        static JsonObject At(JsonNode node, object[] path) => path.Aggregate(node, (at, step) => step is int i ? at[i]! : at[(string)step]!).AsObject();
    }

    private static IEnumerable<object[]> Objects(JsonNode? node, object[] path) => node switch
    {
        // What is inside a policy or a map of claims is the business of those who read it.
        JsonObject members => [path, .. members.Where(m => m.Key is not ("policy" or "values")).SelectMany(member => Objects(member.Value, [.. path, member.Key]))],
        JsonArray items => items.SelectMany((item, i) => Objects(item, [.. path, i])),
        _ => [],
    };

    private static Town FullTown()
    {
        var town = Town.Furnished();
        var root = Certificate();
        town.Agree(new AddRoot("tpm-ek", root));
        town.Agree(new RemoveRoot("tpm-ek", Digest.Of(root)));
        town.Agree(new SetGroups(town.Outsider, [Groups.Requesters]));
        town.Agree(new AddCollector("lab", town.Collector.PublicKey));
        town.Write(town.Endorse());
        town.Agree(new RemoveCollector("lab"));
        var lease = town.Leased(town.Approved(town.Owner1, town.Owner2));
        town.Renew(lease);
        town.Ask(town.Opened());
        town.Refuse(town.Open(by: town.Owner1));
        town.Ask(town.Opened(), boot: new Dictionary<string, string> { ["kernel"] = "bad", ["image"] = "bad" });
        town.Append(OfGuest(town, town.Opened()));
        town.Write(town.Open() with { Files = ["a", "b"] });
        town.Write(town.Revoke(lease.Id));
        var refused = town.Propose(new RemoveReference("good-boot"));
        town.Write(refused);
        town.Write(new RefuseChange(Town.Origin, Command.NewId(), town.Ben, town.Now, Ids.Proposal(refused), refused.Digest()));
        town.Agree(new RemoveReference("good-boot"));
        town.Agree(new RemovePublisher("acme"));
        town.Agree(new RemovePerson(town.Outsider));
        town.Write(new RetireMachine(Town.Origin, Command.NewId(), town.Operator, town.Now, town.Machine));
        return town;
    }

    private static GuestDecided OfGuest(Town town, string request)
    {
        using var key = GuestKey.Ec();
        var transcript = new GuestTranscript(Town.Origin, new byte[32], town.Now, "snp", key.Public, town.Machine, request, town.ModelDigest, town.BrokerKey, ["a"]);
        return new(town.Now, Outcome.Denied, transcript, "storyteller", 1, Digest.Of([]), 1, Digest.Of("policy"u8), Reasons: ["no"], Endorsements: Digest.Of("bundle"u8));
    }

    private static byte[] Certificate()
    {
        using var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        var request = new System.Security.Cryptography.X509Certificates.CertificateRequest("CN=root", key, System.Security.Cryptography.HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(Town.Noon, Town.Noon.AddYears(10));
        return certificate.RawData;
    }
}
