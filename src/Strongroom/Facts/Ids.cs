using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>
/// Names inside the ledger: a kind, a hyphen, 32 lower-case hexadecimal digits. Random or a hash, so that none of them tells who or what it stands for.
/// </summary>
public static class Ids
{
    public static string NewPerson() => $"person-{Command.NewId()}";

    /// <summary>A request is known by the command that opened it.</summary>
    public static string Request(OpenRequest command) => $"request-{command.Id}";

    /// <summary>A proposal is known by the command that made it.</summary>
    public static string Proposal(ProposeChange command) => $"proposal-{command.Id}";

    /// <summary>A lease is known by the transcript that it was released on: the same decision computed again names the same lease.</summary>
    public static string Lease(Digest transcript) => $"lease-{transcript.ToString()[..32]}";

    /// <summary>A version of a model, as <see cref="Revoke"/> names it.</summary>
    public static string Model(string name, long version) => $"model-{name}-{version}";

    public static bool IsPerson(string text) => Is(text, "person-");

    internal static bool IsHex32(ReadOnlySpan<char> text) => text.Length == 32 && !text.ContainsAnyExcept("0123456789abcdef");

    private static bool Is(string text, string prefix) => text.StartsWith(prefix, StringComparison.Ordinal) && IsHex32(text.AsSpan(prefix.Length));
}
