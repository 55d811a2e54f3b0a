using System.Security.Cryptography;
using System.Text;
using Strongroom.Bytes;
using Strongroom.Keys;

namespace Strongroom.Tests.Keys;

public sealed class FileKeysTests : KeyProviderContract
{
    private readonly string directory = Directory.CreateTempSubdirectory("strongroom-keys-").FullName;

    public FileKeysTests()
    {
        foreach (var name in new[] { "one", "two" })
        {
            using var key = Secret.Random(32);
            KeyFile.Write(At(name), FileKeys.Purpose, key, passphrase: null);
        }
        Provider = KeyProvider.Open($"file:{At("one")}");
        Other = KeyProvider.Open($"file:{At("two")}");
    }

    protected override KeyProvider Provider { get; }

    protected override KeyProvider Other { get; }

    [Fact]
    public void A_passphrase_opens_and_any_other_does_not()
    {
        using var key = Secret.Random(32);
        using var phrase = Phrase("correct horse");
        KeyFile.Write(At("sealed"), FileKeys.Purpose, key, phrase);
        using var opened = KeyFile.Read(At("sealed"), FileKeys.Purpose, () => Phrase("correct horse"));
        Assert.True(opened.IsProtected);
        Assert.Equal(key.Span, opened.Key.Span);
        Assert.Throws<AuthenticationTagMismatchException>(() => KeyFile.Read(At("sealed"), FileKeys.Purpose, () => Phrase("correct house")));
        Assert.Throws<RefusedException>(() => KeyFile.Read(At("sealed"), FileKeys.Purpose, passphrase: null));
        Assert.DoesNotContain(Convert.ToBase64String(key.Span)[..40], File.ReadAllText(At("sealed")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_protected_key_cannot_be_turned_into_one_for_another_purpose()
    {
        using var key = Secret.Random(32);
        using var phrase = Phrase("p");
        KeyFile.Write(At("sealed"), FileKeys.Purpose, key, phrase);
        Put(At("turned"), File.ReadAllText(At("sealed")).Replace("custody", "publisher", StringComparison.Ordinal));
        Assert.Throws<AuthenticationTagMismatchException>(() => PublisherKeys.Open(At("turned"), () => Phrase("p")));
    }

    [Fact]
    public void Only_its_owner_may_read_it_and_it_is_never_overwritten()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(At("one")));
        using var key = Secret.Random(32);
        Assert.Throws<IOException>(() => KeyFile.Write(At("one"), FileKeys.Purpose, key, passphrase: null));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead), InlineData(UnixFileMode.GroupWrite), InlineData(UnixFileMode.OtherRead), InlineData(UnixFileMode.OtherWrite)]
    public void Refuses_a_file_that_others_may_read_or_write(UnixFileMode others)
    {
        using var key = Secret.Random(32);
        using var phrase = Phrase("p");
        KeyFile.Write(At("sealed"), FileKeys.Purpose, key, phrase);
        Put(At("passphrase"), "p\n");
        foreach (var name in new[] { "one", "sealed", "passphrase" }) File.SetUnixFileMode(At(name), UnixFileMode.UserRead | others);
        Action[] readers =
        [
            () => KeyProvider.Open($"file:{At("one")}").Dispose(), () => KeyProvider.Open($"file:{At("sealed")}", () => Phrase("p")).Dispose(),
            () => KeyFile.PurposeOf(At("one")), () => PassphraseFile.Read(At("passphrase")).Dispose(),
        ];
        Put(At("letter"), "dear owner\n");
        File.SetUnixFileMode(At("letter"), UnixFileMode.UserRead | others);
        Assert.Throws<MalformedException>(() => KeyFile.PurposeOf(At("letter")));
        foreach (var read in readers) Assert.Contains("chmod 600", Assert.Throws<RefusedException>(read).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_a_key_for_another_purpose_and_other_spellings()
    {
        Assert.Throws<MalformedException>(() => PublisherKeys.Open(At("one"), null));
        var text = File.ReadAllText(At("one"));
        foreach (var wrong in new[] { text + "\n", text.TrimEnd(), text.Replace("v1", "v2", StringComparison.Ordinal), text.Replace("danger-unprotected", "none", StringComparison.Ordinal), text[..^3] + "\n", text[..(text.TrimEnd().LastIndexOf('\n') + 1)], "\n", "", "\n\n\n", text.Replace("\n", "\r\n", StringComparison.Ordinal) })
        {
            Put(At("wrong"), wrong);
            Assert.Throws<MalformedException>(() => KeyProvider.Open($"file:{At("wrong")}"));
        }
    }

    [Fact]
    public void Refuses_scrypt_parameters_that_would_eat_the_machine()
    {
        foreach (var cost in new[] { "30 8 1", "17 1000 1", "17 8 99", "017 8 1", "-1 8 1" })
        {
            Put(At("greedy"), $"strongroom custody key v1\nscrypt {cost} {Convert.ToBase64String(new byte[16])}\n{Convert.ToBase64String(new byte[48])}\n");
            Assert.Throws<MalformedException>(() => KeyProvider.Open($"file:{At("greedy")}", () => Phrase("p")));
        }
    }

    [Fact]
    public void Tells_the_purpose_of_a_key_and_of_nothing_else()
    {
        Assert.Equal(FileKeys.Purpose, KeyFile.PurposeOf(At("one")));
        foreach (var wrong in new[] { "", "\n", "strongroom custody key v1", "strongroom custody key v2\n", "strongroom custody", new string('a', 2000) + "\n" })
        {
            Put(At("wrong"), wrong);
            Assert.Throws<MalformedException>(() => KeyFile.PurposeOf(At("wrong")));
        }
    }

    [Fact]
    public void Refuses_places_that_it_does_not_know()
    {
        foreach (var uri in new[] { "", "file:", "pkcs11:token=a", "K.key" }) Assert.Throws<MalformedException>(() => KeyProvider.Open(uri));
        Assert.Throws<FileNotFoundException>(() => KeyProvider.Open($"file:{At("absent")}"));
    }

    [Fact]
    public void A_publishers_key_and_its_public_half_belong_together()
    {
        var created = PublisherKeys.Create(At("publisher"), passphrase: null);
        using var key = PublisherKeys.Open(At("publisher"), null);
        Assert.Equal(created, key.PublicKey);
        Assert.Equal(created, PublisherKeys.ReadPublic(At("publisher.pub")));
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing) Directory.Delete(directory, recursive: true);
    }

    private static void Put(string path, string text)
    {
        File.WriteAllText(path, text);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private string At(string name) => Path.Combine(directory, name);

    private static Secret Phrase(string text) => Secret.Take(Encoding.UTF8.GetBytes(text));
}
