namespace Strongroom.Attestation;

/// <summary>The text of a claim, where somebody says it of a machine: it becomes what is expected of others, so it must never read as more than itself.</summary>
public static class ClaimText
{
    /// <summary>
    /// Whether an expected value of this text (spec/policy.md, "Expected values") expects exactly this text: no <c>*</c>, no alternatives, no minimum. It is shown to people
    /// who sign, so nothing in it is invisible either.
    /// </summary>
    public static bool IsPlain(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length > 0 && char.IsAsciiLetterOrDigit(text[0]) && text[^1] != ' ' && !text.AsSpan().ContainsAnyExceptInRange(' ', '~') && text.AsSpan().IndexOfAny('*', '|') < 0;
    }
}
