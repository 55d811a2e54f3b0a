using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Strongroom.Attestation.Composite;
using Strongroom.Attestation.Corim;
using Strongroom.Bytes;
using Strongroom.Policy;

namespace Strongroom.Facts;

/// <summary>Rules for changes of trust: two administrators, different people (whose keys differ, see <see cref="AccessState"/>), and never fewer than two of them left.</summary>
internal static class AccessRules
{
    /// <summary>A proposal that nobody answered is forgotten by those who made it sooner than by the ledger.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(30);

    public static IEnumerable<string> Refusals(LedgerState state, ProposeChange command) =>
        [.. Rules.NeedsGroup(state, command.By, Groups.Administrators), .. Refusals(state.Access, command.Change)];

    public static IEnumerable<string> Refusals(LedgerState state, ApproveChange command, DateTimeOffset now)
    {
        foreach (var reason in Rules.NeedsGroup(state, command.By, Groups.Administrators)) yield return reason;
        if (!state.Access.Proposals.TryGetValue(command.Proposal, out var proposal))
        {
            yield return $"{command.Proposal} does not wait for an answer";
            yield break;
        }
        if (proposal.Digest != command.ProposalDigest) yield return "the signature is for another proposal than the one on record";
        if (proposal.Command.At < now - LongestWait) yield return "the proposal has waited for more than thirty days: propose it again";
        if (proposal.Command.By == command.By) yield return "a proposal is approved by another person than its proposer";
        foreach (var reason in Rules.NeedsGroup(state, proposal.Command.By, Groups.Administrators)) yield return $"the proposer: {reason}";
        foreach (var reason in Refusals(state.Access, proposal.Command.Change)) yield return reason; // since it was proposed, other changes may have come
    }

    public static IEnumerable<string> Refusals(LedgerState state, RefuseChange command)
    {
        foreach (var reason in Rules.NeedsGroup(state, command.By, Groups.Administrators)) yield return reason;
        if (!state.Access.Proposals.TryGetValue(command.Proposal, out var proposal)) yield return $"{command.Proposal} does not wait for an answer";
        else if (proposal.Digest != command.ProposalDigest) yield return "the signature is for another proposal than the one on record";
    }

    private static IEnumerable<string> Refusals(AccessState state, TrustChange change) => change switch
    {
        EnrolPerson enrol => Refusals(state, enrol),
        SetGroups set => [.. Rules.WellFormed(set.Groups), .. Known(state, set.Person), .. KeepsTwo(state, set.Person, set.Groups)],
        RemovePerson leave => [.. Known(state, leave.Person), .. KeepsTwo(state, leave.Person, [])],
        SetPolicy set => Refusals(set),
        AddRoot add => Refusals(state, add),
        RemoveRoot remove => Unless(state.Roots.TryGetValue(remove.Certificate, out var root) && root.Kind == remove.Kind, "no such root is on record"),
        AddPublisher add =>
        [
            .. Rules.WellFormedName("a publisher's name", add.Name),
            .. Unless(!state.Publishers.ContainsKey(add.Name), $"a publisher named {add.Name} is on record"),
        ],
        RemovePublisher remove => Unless(state.Publishers.ContainsKey(remove.Name), $"no publisher named {remove.Name} is on record"),
        AddCollector add =>
        [
            .. Rules.WellFormedName("a collector's name", add.Name),
            .. Unless(!state.Collectors.ContainsKey(add.Name), $"a collector named {add.Name} is on record"),
            .. state.Collectors.Where(each => each.Value.Equals(add.Key)).Select(each => $"the key is on record as {each.Key}'s: removed under one name it would count on under the other"),
        ],
        RemoveCollector remove => Unless(state.Collectors.ContainsKey(remove.Name), $"no collector named {remove.Name} is on record"),
        SetReference set => Refusals(state, set),
        RemoveReference remove => Unless(state.References.ContainsKey(remove.Name), $"no reference values named {remove.Name} are on record"),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static IEnumerable<string> Refusals(AccessState state, EnrolPerson enrol)
    {
        if (!Ids.IsPerson(enrol.Person)) yield return "a person's id is person- and 32 hexadecimal digits";
        if (state.People.ContainsKey(enrol.Person)) yield return $"{enrol.Person} was enrolled before";
        if (state.HolderOf(enrol.Key) is { } holder) yield return $"the key was recorded before, for {holder}: one key speaks for one person, for ever";
        foreach (var reason in Rules.WellFormed(enrol.Groups)) yield return reason;
    }

    private static IEnumerable<string> Refusals(SetPolicy set)
    {
        string? reason = null;
        try
        {
            ReleasePolicy.Parse(set.Policy.Utf8);
        }
        catch (MalformedException e)
        {
            reason = $"the policy cannot be read: {e.Message}";
        }
        return Unless(reason is null, reason ?? "");
    }

    private static IEnumerable<string> Refusals(AccessState state, AddRoot add)
    {
        if (add.Kind != "tpm-ek") yield return "a root is of the kind tpm-ek";
        if (state.Roots.ContainsKey(Digest.Of(add.Certificate.Span))) yield return "this root is on record";
        if (!IsCertificate(add.Certificate.Span)) yield return "the root is no X.509 certificate in DER";
    }

    private static IEnumerable<string> Refusals(AccessState state, SetReference set)
    {
        foreach (var reason in Rules.WellFormedName("the name of reference values", set.Name)) yield return reason;
        if (set.Kind is not ("tpm" or "development") && !CompositeEvidence.CpuKinds.Contains(set.Kind)) yield return $"there is no evidence of the kind {set.Kind}";
        if (set.Values.Values.All(value => value == ExpectedValue.Any)) yield return "reference values that may all be any compare nothing";
        foreach (var (claim, value) in set.Values)
        {
            if (claim.Length == 0 || claim.AsSpan().ContainsAnyExceptInRange('!', '~')) yield return "the name of a claim has visible ASCII characters";
            else if (Fault(value) is { } fault) yield return $"{claim}: {fault}";
            else if (NeverAsExpected(set.Kind, claim, value) is { } why) yield return why;
        }
        if (set.Version < 1 || set.Version <= state.ReferenceVersions.GetValueOrDefault(set.Name))
            yield return $"the version of {set.Name} must be higher than {state.ReferenceVersions.GetValueOrDefault(set.Name)}, the last on record";
        if (set.Corim is not { } corim) yield break;
        if (SignerFault(corim.Signer) is { } spelling) yield return spelling;
        foreach (var (id, tag) in corim.Tags)
        {
            if (state.CorimTags.GetValueOrDefault((Digest.Of(corim.Signer.Span), id)) is not { } before) continue;
            if (tag.Version < before.Version) yield return $"{id} has version {tag.Version}, and {before.Version} of the same signer was recorded before: a lower one takes back what replaced it";
            else if (tag.Version == before.Version && tag.Digest != before.Digest) yield return $"{id} has version {tag.Version}, which of the same signer was recorded before with other content";
        }
    }

    /// <summary>A set that no evidence can ever match keeps every machine out, and nobody sees why.</summary>
    private static string? NeverAsExpected(string kind, string claim, string value)
    {
        if (!CompositeEvidence.CpuKinds.Contains(kind)) return null;
        if (!TeeClaims.Has(kind, claim)) return $"{claim} is no claim of {kind} evidence";
        if (!ExpectedValue.Parse(value).IsMinimum || TeeClaims.IsNumber(claim) && !value.Contains('-') || TeeClaims.IsDay(claim) && value.Contains('-')) return null;
        return $"{claim}: {value} is never so, its values are {(TeeClaims.IsDay(claim) ? "days" : TeeClaims.IsNumber(claim) ? "numbers" : "neither numbers nor days")}";
    }

    private static string? SignerFault(ReadOnlyMemory<byte> signer)
    {
        try
        {
            using var key = SignedCorim.KeyOf(signer);
            return null;
        }
        catch (ArgumentException e)
        {
            return e.Message;
        }
    }

    private static string? Fault(string value)
    {
        try
        {
            ExpectedValue.Parse(value);
            return null;
        }
        catch (MalformedException e)
        {
            return e.Message;
        }
    }

    private static IEnumerable<string> Known(AccessState state, string person) =>
        Unless(state.ActivePerson(person) is not null, $"{person} is not an enrolled person");

    private static IEnumerable<string> KeepsTwo(AccessState state, string person, IReadOnlyList<string> groups) =>
        Unless(
            groups.Contains(Groups.Administrators) || state.ActivePerson(person)?.IsIn(Groups.Administrators) != true || state.ActiveAdministrators(without: person) >= 2,
            "fewer than two administrators would be left, and nobody could change anything any more");

    private static IEnumerable<string> Unless(bool holds, string reason) => holds ? [] : [reason];

    private static bool IsCertificate(ReadOnlySpan<byte> der)
    {
        try
        {
            using var certificate = X509CertificateLoader.LoadCertificate(der);
            return certificate.RawDataMemory.Span.SequenceEqual(der);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}
