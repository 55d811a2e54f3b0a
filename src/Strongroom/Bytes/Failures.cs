namespace Strongroom.Bytes;

/// <summary>The input never was what it claims to be. Thrown by parsers; HTTP 400, exit code 2.</summary>
/// <param name="offset">Byte offset into the input at which it stopped making sense; -1 when no single byte is to blame.</param>
/// <param name="what">What was wrong, in words.</param>
public sealed class MalformedException(long offset, string what)
    : FormatException(offset < 0 ? what : $"{what} (at byte {offset})")
{
    public long Offset { get; } = offset;
}

/// <summary>A store, key holder, witness or vendor service cannot be reached now. Never becomes a decision; HTTP 503, exit code 3.</summary>
public sealed class UnavailableException(string what, Exception? cause = null) : Exception(what, cause);

/// <summary>
/// Our own integrity is in doubt: a fork, a lost write, a store behind its witness. Nobody catches it to go on: the process stops with exit code 71.
/// </summary>
public sealed class LedgerBrokenException(string what) : Exception(what);

/// <summary>
/// Evidence, policy, approvals or a sealed model said no. The CLI's way to carry a refusal to its exit code 1; libraries return refusals as values.
/// </summary>
public sealed class RefusedException(params IReadOnlyList<string> reasons) : Exception(string.Join("; ", reasons))
{
    public IReadOnlyList<string> Reasons { get; } = reasons;
}
