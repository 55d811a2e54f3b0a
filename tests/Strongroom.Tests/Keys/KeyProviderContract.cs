using System.Security.Cryptography;
using Strongroom.Bytes;
using Strongroom.Keys;
using Strongroom.Sealing;
using Strongroom.Tests.Sealing;

namespace Strongroom.Tests.Keys;

/// <summary>What every place for custody keys must do; one subclass for each kind.</summary>
public abstract class KeyProviderContract : IDisposable
{
    private static readonly byte[] Context = "a context"u8.ToArray();

    protected abstract KeyProvider Provider { get; }

    protected abstract KeyProvider Other { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Unwraps_what_it_wrapped_and_never_wraps_alike_twice()
    {
        using var key = Secret.Random(32);
        var wrapped = await Provider.WrapAsync(key, Context, Cancellation);
        using var unwrapped = await Provider.UnwrapAsync(wrapped, Context, Cancellation);
        Assert.Equal(key.Span, unwrapped.Span);
        Assert.NotEqual(wrapped, await Provider.WrapAsync(key, Context, Cancellation));
    }

    [Fact]
    public async Task Refuses_another_context_another_key_and_any_flipped_bit()
    {
        using var key = Secret.Random(32);
        var wrapped = await Provider.WrapAsync(key, Context, Cancellation);
        await Assert.ThrowsAsync<AuthenticationTagMismatchException>(() => Provider.UnwrapAsync(wrapped, "another"u8.ToArray(), Cancellation));
        await Assert.ThrowsAsync<AuthenticationTagMismatchException>(() => Other.UnwrapAsync(wrapped, Context, Cancellation));
        for (var bit = 0; bit < wrapped.Length * 8; bit++)
        {
            wrapped[bit / 8] ^= (byte)(1 << (bit % 8));
            await Assert.ThrowsAsync<AuthenticationTagMismatchException>(() => Provider.UnwrapAsync(wrapped, Context, Cancellation));
            wrapped[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public async Task Refuses_a_wrap_that_was_cut_at_any_byte_or_is_huge()
    {
        using var key = Secret.Random(32);
        var wrapped = await Provider.WrapAsync(key, Context, Cancellation);
        for (var length = 0; length < wrapped.Length; length++)
        {
            var cut = wrapped[..length];
            await Assert.ThrowsAnyAsync<Exception>(() => Provider.UnwrapAsync(cut, Context, Cancellation));
        }
        await Assert.ThrowsAsync<MalformedException>(() => Provider.UnwrapAsync(new byte[KeyProvider.MaxWrappedBytes + 1], Context, Cancellation));
    }

    [Fact]
    public async Task Opens_the_custody_entry_of_its_own_models_only()
    {
        var model = SealedModel.Create();
        var entry = await Provider.WrapModelKeyAsync(model.Key, model.Manifest.ModelDigest, Cancellation);
        var recipients = Recipients.Create(model.Key, model.Manifest.ModelDigest, [entry]);
        using var opened = await Provider.UnwrapModelKeyAsync(recipients, Cancellation);
        Assert.Equal(model.Key.Span, opened.Span);
        await Assert.ThrowsAsync<RefusedException>(() => Other.UnwrapModelKeyAsync(recipients, Cancellation));
        var renamed = Recipients.Create(model.Key, model.Manifest.ModelDigest, [entry with { Key = Other.KeyId }]);
        await Assert.ThrowsAsync<AuthenticationTagMismatchException>(() => Other.UnwrapModelKeyAsync(renamed, Cancellation));
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        Provider.Dispose();
        Other.Dispose();
    }
}
