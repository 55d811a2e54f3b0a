using System.Text;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Tests.Ledger;

public sealed class SignedNoteTests
{
    // The example of C2SP signed-note.
    private const string ExampleKey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    private const string Example =
        "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    [Fact]
    public void The_example_of_the_specification_verifies() => Assert.True(SignedNote.Parse(Example).IsSignedBy(VerifierKey.Parse(ExampleKey)));

    [Fact]
    public void The_example_of_the_specification_is_made()
    {
        var key = VerifierKey.Parse(ExampleKey);
        Assert.Equal(ExampleKey, key.ToString());
        Assert.Equal(key, new VerifierKey(key.Name, key.Algorithm, key.Key));
    }

    /// <summary>Whatever one byte is changed to, the note is no note any more, or not signed any more.</summary>
    [Fact]
    public void No_bit_of_a_note_can_change()
    {
        var key = VerifierKey.Parse(ExampleKey);
        var bytes = Encoding.UTF8.GetBytes(Example);
        for (var i = 0; i < bytes.Length; i++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                bytes[i] ^= (byte)(1 << bit);
                Assert.False(IsSigned(bytes, key), $"bit {bit} of byte {i}");
                bytes[i] ^= (byte)(1 << bit);
            }
        }
        Assert.True(IsSigned(bytes, key));
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        var bytes = Encoding.UTF8.GetBytes(Example);
        for (var length = 0; length < bytes.Length; length++) Assert.Throws<MalformedException>(() => SignedNote.Parse(bytes.AsSpan(0, length)));
    }

    [Theory]
    [InlineData("text\n\n— a AAAAAAA=")] // no newline at the end
    [InlineData("text\n— a AAAAAAA=\n")] // no blank line
    [InlineData("text\n\n")] // no signature
    [InlineData("text\n\n- a AAAAAAA=\n")] // a hyphen
    [InlineData("text\n\n— a  AAAAAAA=\n")] // two spaces
    [InlineData("text\n\n— a AAAAAAA= \n")]
    [InlineData("text\n\n— a+b AAAAAAA=\n")]
    [InlineData("text\n\n— \u00a0 AAAAAAA=\n")] // a space of Unicode
    [InlineData("text\n\n— a AAAAAAA\n")] // no padding
    [InlineData("text\n\n— a AAAAAAB=\n")] // an unused bit is set
    [InlineData("text\n\n— a AAAA\n AAA=\n")]
    [InlineData("text\n\n— a AAAA\n")] // an id and no signature
    [InlineData("text\r\n\n— a AAAAAAA=\n")]
    [InlineData("te\0xt\n\n— a AAAAAAA=\n")]
    [InlineData("te\txt\n\n— a AAAAAAA=\n")]
    public void Another_spelling_is_refused(string note) => Assert.Throws<MalformedException>(() => SignedNote.Parse(note));

    [Fact]
    public void What_is_no_utf8_is_refused() => Assert.Throws<MalformedException>(() => SignedNote.Parse([0xff, .. "\n\n— a AAAAAAA=\n"u8]));

    [Fact]
    public void What_parses_is_written_back_the_same()
    {
        foreach (var note in (string[])[Example, "a\n\nb\n\n— a AAAAAAA=\n— b AAAAAAAA\n", "\n\n— a AAAAAAA=\n"]) Assert.Equal(note, SignedNote.Parse(note).ToString());
    }

    [Fact]
    public void Sixteen_signatures_of_strangers_do_no_harm()
    {
        var strangers = Enumerable.Range(0, 16).Select(i => new NoteSignature($"stranger{i}", (uint)i, new byte[64]));
        Assert.True(SignedNote.Parse(SignedNote.Parse(Example).With(strangers).ToString()).IsSignedBy(VerifierKey.Parse(ExampleKey)));
        Assert.Throws<MalformedException>(() => SignedNote.Parse(SignedNote.Parse(Example).With(Enumerable.Repeat(strangers.First(), 64)).ToString()));
    }

    [Fact]
    public void A_right_signature_beside_a_wrong_one_in_the_same_name_is_refused()
    {
        var key = VerifierKey.Parse(ExampleKey);
        Assert.False(SignedNote.Parse(Example).With([new(key.Name, key.KeyId, new byte[64])]).IsSignedBy(key));
    }

    [Theory]
    [InlineData("example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")] // another id
    [InlineData("example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")] // another name
    [InlineData("example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")]
    [InlineData("example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")] // type 2
    [InlineData("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U0=")] // short
    [InlineData("example.com/foo+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")]
    [InlineData("+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")]
    [InlineData("")]
    public void A_wrong_verifier_key_is_refused(string text) => Assert.Throws<MalformedException>(() => VerifierKey.Parse(text));

    private static bool IsSigned(ReadOnlySpan<byte> note, VerifierKey key)
    {
        try
        {
            return SignedNote.Parse(note).IsSignedBy(key);
        }
        catch (MalformedException)
        {
            return false;
        }
    }
}
