using Microsoft.AspNetCore.Http.HttpResults;
using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Protocol;

namespace Strongroom.Broker.People;

/// <summary>People: ids, keys and groups from the ledger, names from the table that may be emptied.</summary>
internal static class PeopleEndpoints
{
    public static void MapPeople(this IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("/v1/persons").WithTags("People");
        group.MapGet("", List).WithSummary("Everybody who was ever enrolled, page by page; names only for signed requests").Refuses(400, 401);
        group.MapPut("/{person}/name", Name).Accepts<PersonName>("application/json").WithSummary("Set a name; by the person or an administrator").Refuses(400, 401, 403, 404);
        group.MapDelete("/{person}/name", Forget).WithSummary("Delete a name for good; by the person or an administrator").Refuses(401, 403, 404);
    }

    private static Ok<IReadOnlyList<PersonDetails>> List([AsParameters] Page page, Journal journal, Reader reader)
    {
        var access = journal.State.Access;
        return page.Of(access.PeopleInOrder, access.People, person => new PersonDetails(
            person.Id, person.Key, person.Groups, person.Active, person.Index, reader.NameOf(person.Id)));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Name(string person, HttpContext context, Journal journal, Names names)
    {
        var body = new byte[4096];
        var length = await context.Request.Body.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, context.RequestAborted);
        var reader = Reader.Of(context, body.AsSpan(0, length)); // the signature covers the bytes as they came
        if (Refusal(journal.State, reader, person) is { } problem) return problem;
        var name = CanonicalJson.Read(body.AsSpan(0, length), ProtocolJson.Default.PersonName, body.Length - 1).Name;
        if (name.Length is 0 or > Names.MaxLength || name.Any(char.IsControl)) return Problem.Malformed.Because($"a name has 1 to {Names.MaxLength} visible characters");
        names.Set(person, name);
        return TypedResults.NoContent();
    }

    private static Results<NoContent, ProblemHttpResult> Forget(string person, Reader reader, Journal journal, Names names)
    {
        if (Refusal(journal.State, reader, person) is { } problem) return problem;
        names.Delete(person);
        return TypedResults.NoContent();
    }

    private static ProblemHttpResult? Refusal(LedgerState state, Reader reader, string person)
    {
        if (reader.Person is not { } by) return Problem.Unsigned.Because();
        if (by != person && state.Access.ActivePerson(by)?.IsIn(Groups.Administrators) != true) return Problem.Refused.Because("a name is written by its person or by an administrator");
        return state.Access.People.ContainsKey(person) ? null : Problem.NotFound.Because($"nobody was enrolled as {person}");
    }
}
