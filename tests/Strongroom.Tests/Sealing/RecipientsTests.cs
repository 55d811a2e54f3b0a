using System.Security.Cryptography;
using System.Text;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Keys;
using Strongroom.Sealing;

namespace Strongroom.Tests.Sealing;

/// <summary>recipients.json: no bit of it changes unseen by whoever opens the model.</summary>
public sealed class RecipientsTests : IDisposable
{
    private readonly SealedModel model = SealedModel.Create();
    private readonly HpkePrivateKey alice = HpkePrivateKey.Generate();
    private readonly HpkePrivateKey bob = HpkePrivateKey.Generate("p256");
    private readonly Recipients recipients;

    public RecipientsTests() => recipients = Create(Wrap(alice), Wrap(bob));

    public void Dispose()
    {
        alice.Dispose();
        bob.Dispose();
    }

    [Fact]
    public void Every_recipient_gets_the_model_key()
    {
        var parsed = Recipients.Parse(recipients.Bytes.Span, model.Manifest.ModelDigest);
        foreach (var key in new[] { alice, bob })
        {
            using var opened = parsed.Open(key);
            Assert.Equal(model.Key.Span, opened.Span);
        }
        Assert.Equal(recipients.Bytes.Span, parsed.Bytes.Span);
    }

    [Fact]
    public void Refuses_any_flipped_bit_even_in_another_recipients_entry()
    {
        var bytes = recipients.Bytes.ToArray();
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.True(IsRefused(bytes, alice), $"bit {bit}");
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Refuses_a_file_that_was_cut_at_any_byte()
    {
        for (var length = 0; length < recipients.Bytes.Length; length++) Assert.True(IsRefused(recipients.Bytes.Span[..length].ToArray(), alice), $"cut to {length}");
    }

    [Fact]
    public void Never_writes_more_than_a_reader_takes()
    {
        Assert.Throws<MalformedException>(() => Create([.. Enumerable.Range(0, 100).Select(i => new CustodyRecipient("file", $"{i}", new byte[KeyProvider.MaxWrappedBytes]))]));
    }

    [Fact]
    public void Refuses_an_entry_added_or_removed_by_someone_without_the_model_key()
    {
        using var stranger = Secret.Random(32);
        Assert.True(IsRefused(Recipients.Create(stranger, model.Manifest.ModelDigest, [recipients.Entries[0]]).Bytes.ToArray(), alice));
        Assert.True(IsRefused(Recipients.Create(stranger, model.Manifest.ModelDigest, [.. recipients.Entries, Wrap(HpkePrivateKey.Generate())]).Bytes.ToArray(), alice));
    }

    [Fact]
    public void Refuses_another_version_of_the_file()
    {
        var later = Encoding.UTF8.GetString(recipients.Bytes.Span).Replace("recipients.v1", "recipients.v2", StringComparison.Ordinal);
        Assert.Throws<MalformedException>(() => Recipients.Parse(Encoding.UTF8.GetBytes(later), model.Manifest.ModelDigest));
    }

    [Fact]
    public void Refuses_the_recipients_of_another_model()
    {
        Assert.Throws<RefusedException>(() => Recipients.Parse(recipients.Bytes.Span, Digest.Of("another"u8)));
        var moved = Recipients.Create(model.Key, Digest.Of("another"u8), recipients.Entries);
        Assert.Throws<AuthenticationTagMismatchException>(() => moved.Open(alice)); // each wrap names its model
    }

    [Fact]
    public void Refuses_a_key_that_nothing_was_wrapped_for()
    {
        using var eve = HpkePrivateKey.Generate();
        Assert.Throws<RefusedException>(() => recipients.Open(eve));
    }

    [Fact]
    public void Refuses_none_too_many_or_the_same_recipient_twice()
    {
        Assert.Throws<MalformedException>(() => Create());
        Assert.Throws<MalformedException>(() => Create(Wrap(alice), Wrap(alice)));
        Assert.Throws<MalformedException>(() => Create([.. Enumerable.Range(0, 257).Select(i => new CustodyRecipient("file", $"{i}", []))]));
    }

    private HpkeRecipient Wrap(HpkePrivateKey to) => Recipients.Wrap(model.Key, model.Manifest.ModelDigest, to.PublicKey);

    private Recipients Create(params Recipient[] entries) => Recipients.Create(model.Key, model.Manifest.ModelDigest, entries);

    private bool IsRefused(byte[] bytes, HpkePrivateKey key)
    {
        try
        {
            Recipients.Parse(bytes, model.Manifest.ModelDigest).Open(key).Dispose();
            return false;
        }
        catch (Exception e) when (e is MalformedException or RefusedException or AuthenticationTagMismatchException)
        {
            return true;
        }
    }
}
