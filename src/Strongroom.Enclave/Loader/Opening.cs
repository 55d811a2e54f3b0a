namespace Strongroom.Enclave.Loader;

/// <summary>Work that may take minutes (memory to fetch, terabytes to decrypt) and must not outlive the right to do it.</summary>
internal static class Opening
{
    /// <summary>Long enough for a slice of memory and a segment on every core; whoever ignores the cancellation longer than that is not waited for.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <param name="end">Completes when the enclave must end: lease over, revoked, asked to.</param>
    /// <param name="open">The work.</param>
    /// <returns>What was opened; null where the end came first, and then the work was cancelled and has stopped writing.</returns>
    internal static async Task<T?> UnlessAsync<T>(Task end, Func<CancellationToken, Task<T>> open) where T : class
    {
        using var cancelling = new CancellationTokenSource();
        var opening = Task.Run(() => open(cancelling.Token), CancellationToken.None);
        await Task.WhenAny(opening, end);
        if (!end.IsCompleted) return await opening;
        await cancelling.CancelAsync();
        await Task.WhenAny(opening, Task.Delay(Patience, CancellationToken.None));
        return null;
    }
}
