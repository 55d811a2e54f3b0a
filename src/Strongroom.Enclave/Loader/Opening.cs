namespace Strongroom.Enclave.Loader;

/// <summary>Work that may take minutes (memory to fetch, terabytes to decrypt) and must not outlive the right to do it.</summary>
internal static class Opening
{
    /// <summary>For what writes into protected memory: long enough for a slice of memory and a segment on every core.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <param name="end">Completes when the enclave must end: lease over, revoked, asked to.</param>
    /// <param name="open">The work.</param>
    /// <param name="patience">How long the end waits for work that was cancelled to stop; work that ignores it is left behind.</param>
    /// <returns>What was opened; null where the end came first.</returns>
    internal static async Task<T?> UnlessAsync<T>(Task end, Func<CancellationToken, Task<T>> open, TimeSpan patience) where T : class
    {
        using var cancelling = new CancellationTokenSource();
        var opening = Task.Run(() => open(cancelling.Token), CancellationToken.None);
        await Task.WhenAny(opening, end);
        if (!end.IsCompleted) return await opening;
        await cancelling.CancelAsync();
        await Task.WhenAny(opening, Task.Delay(patience, CancellationToken.None));
        return null;
    }
}
