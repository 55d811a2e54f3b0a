using Strongroom.Bytes;
using Strongroom.Protocol;

namespace Strongroom.Broker.People;

/// <summary>
/// Who reads. Lists are folds of a public ledger, so anybody may read them; names are shown to enrolled people who signed their request, and to
/// nobody else. A request that carries a signature which does not hold is refused, not served as if it carried none.
/// </summary>
internal sealed class Reader
{
    private readonly Names? names;

    private Reader(string? person, Names? names) => (Person, this.names) = (person, names);

    /// <summary>The enrolled person who signed the request; null for everybody else.</summary>
    public string? Person { get; }

    public string? NameOf(string person) => names?.Of(person);

    public static ValueTask<Reader> BindAsync(HttpContext context) => ValueTask.FromResult(Of(context, []));

    /// <exception cref="UnsignedException">There is a signature, and it does not hold for this request.</exception>
    public static Reader Of(HttpContext context, ReadOnlySpan<byte> body) => context.Request.Headers.Authorization.ToString().Length == 0
        ? new(null, null)
        : new(Signer(context, Digest.Of(body)), context.RequestServices.GetRequiredService<Names>());

    /// <summary>The enrolled person who signed a request of whose body nothing is read yet: it may turn out to be another than the one signed, and is believed for what it is.</summary>
    /// <exception cref="UnsignedException">Nobody did.</exception>
    public static string BeforeBody(HttpContext context) => Signer(context, null);

    private static string Signer(HttpContext context, Digest? body)
    {
        var header = context.Request.Headers.Authorization.ToString();
        if (header.Length == 0) throw new UnsignedException(["a body this long is read of enrolled people alone, who sign its header"]);
        if (!header.StartsWith(SignedRead.Scheme + " ", StringComparison.Ordinal)) throw new UnsignedException([$"the scheme of Authorization is {SignedRead.Scheme}"]);
        var signed = SignedRead.Parse(header[(SignedRead.Scheme.Length + 1)..]);
        var target = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
        var now = context.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
        var reasons = context.RequestServices.GetRequiredService<Journal>().Read(state => signed.Refusals(state, context.Request.Method, target, body ?? signed.Body, now));
        if (reasons.Count > 0) throw new UnsignedException(reasons);
        context.Proved();
        return signed.By;
    }
}

/// <summary>The request needed the signature of an enrolled person and has none that holds; HTTP 401.</summary>
internal sealed class UnsignedException(IReadOnlyList<string> reasons) : Exception(string.Join("; ", reasons))
{
    public IReadOnlyList<string> Reasons { get; } = reasons;
}
