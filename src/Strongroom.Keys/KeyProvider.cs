using Strongroom.Bytes;
using Strongroom.Sealing;

namespace Strongroom.Keys;

/// <summary>
/// A place where custody keys live. It wraps a model's key so that only it can unwrap, bound to a context that must be repeated exactly; the
/// custody key itself never leaves.
/// </summary>
public abstract class KeyProvider : IDisposable
{
    public const int MaxWrappedBytes = 16 * 1024;

    /// <summary>The scheme of its URI: <c>file</c>.</summary>
    public abstract string Kind { get; }

    /// <summary>The provider's name for the key, stable and public.</summary>
    public abstract string KeyId { get; }

    /// <summary>Whether <see cref="Open"/> knows such places: asked of what somebody typed, before anything is opened.</summary>
    public static bool Names(string uri) => uri is not null && uri.Split(':', 2) is ["file", { Length: > 0 }];

    /// <summary>Registry of kinds.</summary>
    /// <param name="uri">For instance <c>file:K.key</c>.</param>
    /// <param name="passphrase">Asked when the key is protected by one; the provider wipes what it returns.</param>
    /// <exception cref="MalformedException">Unknown kind, or the key is not one.</exception>
    /// <exception cref="FileNotFoundException">No such key file.</exception>
    public static KeyProvider Open(string uri, Func<Secret>? passphrase = null)
    {
        ArgumentNullException.ThrowIfNull(uri);
        return uri.Split(':', 2) switch
        {
            ["file", { Length: > 0 } path] => FileKeys.Open(path, passphrase), // spec/key-files.md
            _ => throw new MalformedException(-1, $"'{uri}' names no place for keys: file:PATH"),
        };
    }

    /// <param name="key">What to wrap, at most 1 KiB.</param>
    /// <param name="context">Authenticated with it; the same bytes are needed to unwrap.</param>
    /// <param name="cancellation">Gives up waiting.</param>
    /// <exception cref="UnavailableException">The place cannot be reached.</exception>
    public async Task<byte[]> WrapAsync(Secret key, ReadOnlyMemory<byte> context, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (key.Length > 1024) throw new ArgumentException("a wrapped key has at most 1024 bytes", nameof(key));
        return await WrapCoreAsync(key, context, cancellation);
    }

    /// <exception cref="System.Security.Cryptography.AuthenticationTagMismatchException">Not wrapped by this key, for this context, or changed.</exception>
    /// <exception cref="UnavailableException">The place cannot be reached.</exception>
    public async Task<Secret> UnwrapAsync(ReadOnlyMemory<byte> wrapped, ReadOnlyMemory<byte> context, CancellationToken cancellation = default)
    {
        if (wrapped.Length > MaxWrappedBytes) throw new MalformedException(MaxWrappedBytes, $"a wrapped key has at most {MaxWrappedBytes} bytes");
        return await UnwrapCoreAsync(wrapped, context, cancellation);
    }

    /// <summary>An entry of recipients.json for this custody.</summary>
    public async Task<CustodyRecipient> WrapModelKeyAsync(Secret modelKey, Digest modelDigest, CancellationToken cancellation = default)
    {
        var entry = new CustodyRecipient(Kind, KeyId, []);
        return entry with { Wrapped = await WrapAsync(modelKey, Recipients.Context(modelDigest, entry), cancellation) };
    }

    /// <summary>The model's key, after it has proved that no byte of recipients.json was changed.</summary>
    /// <exception cref="RefusedException">No entry is for this custody.</exception>
    /// <exception cref="System.Security.Cryptography.AuthenticationTagMismatchException">The entry, or another part of the file, was changed.</exception>
    public async Task<Secret> UnwrapModelKeyAsync(Recipients recipients, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(recipients);
        var entry = recipients.Entries.OfType<CustodyRecipient>().FirstOrDefault(each => each.Provider == Kind && each.Key == KeyId)
            ?? throw new RefusedException($"the model is not sealed to the custody key {Kind} {KeyId}");
        return recipients.Authenticated(await UnwrapAsync(entry.Wrapped, Recipients.Context(recipients.ModelDigest, entry), cancellation));
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract Task<byte[]> WrapCoreAsync(Secret key, ReadOnlyMemory<byte> context, CancellationToken cancellation);

    protected abstract Task<Secret> UnwrapCoreAsync(ReadOnlyMemory<byte> wrapped, ReadOnlyMemory<byte> context, CancellationToken cancellation);

    protected virtual void Dispose(bool disposing)
    {
    }
}
