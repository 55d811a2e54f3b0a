using Strongroom.Bytes;
using Strongroom.Sealing;

namespace Strongroom.Tests.Sealing;

/// <summary>Names that could leave the directory, or mean two files at once.</summary>
public sealed class FileNameTests
{
    [Theory]
    [InlineData("model.safetensors"), InlineData("a/b/c.json"), InlineData("weights (2).bin"), InlineData("größe.bin"), InlineData("모델.gguf"), InlineData("模型.gguf"), InlineData("модель.gguf"), InlineData(".hidden")]
    public void Accepts_ordinary_names(string name) => FileName.Require(name);

    [Theory]
    [InlineData(""), InlineData("."), InlineData(".."), InlineData("../a"), InlineData("a/.."), InlineData("a/../b"), InlineData("./a")]
    [InlineData("/a"), InlineData("//a"), InlineData("a//b"), InlineData("a/"), InlineData("a\\b"), InlineData("C:a"), InlineData("a\0b"), InlineData("a\nb"), InlineData("a\u007Fb")]
    [InlineData(" a"), InlineData("a "), InlineData("a."), InlineData("a/b."), InlineData("what?"), InlineData("a*")]
    public void Refuses_names_that_leave_the_directory_or_are_no_name_everywhere(string name) =>
        Assert.Throws<MalformedException>(() => FileName.Require(name));

    [Theory]
    [InlineData("e\u0301.bin", "é spelled with a combining accent")]
    [InlineData("\u212Bngstrom", "the Angstrom sign is equivalent to A with ring")]
    [InlineData("\u1100\u1161", "conjoining jamo are equivalent to a syllable")]
    [InlineData("\uFB01le", "a ligature is compatible with fi")]
    [InlineData("\uFF21", "a full-width letter is compatible with A")]
    [InlineData("\uF900", "a compatibility ideograph")]
    [InlineData("a\u200Db", "an invisible joiner")]
    [InlineData("a\u202Eb", "a direction override")]
    [InlineData("\uD800", "half of a surrogate pair")]
    [InlineData("\u017F", "the long s folds to s")]
    [InlineData("\u0130", "the dotted capital I")]
    public void Refuses_characters_that_have_a_second_spelling(string name, string why) =>
        Assert.True(Throws(() => FileName.Require(name)), why);

    [Theory]
    [InlineData("a", "A"), InlineData("Straße", "STRASSE"), InlineData("é", "É"), InlineData("σ", "ς"), InlineData("a/b", "A/b"), InlineData("x", "x")]
    public void Refuses_two_names_that_are_equal_after_case_folding(string left, string right) =>
        Assert.Throws<MalformedException>(() => FileName.RequireDistinct([left, right]));

    [Theory]
    [InlineData("a", "a/b"), InlineData("a", "A/b"), InlineData("a", "a.sealed/b"), InlineData("a", "A.SEALED/b/c")]
    public void Refuses_a_name_that_is_a_file_and_a_directory(string file, string below) =>
        Assert.Throws<MalformedException>(() => FileName.RequireDistinct([file, below]));

    [Fact]
    public void Refuses_names_that_are_too_long()
    {
        Assert.Throws<MalformedException>(() => FileName.Require(new string('a', 241)));
        Assert.Throws<MalformedException>(() => FileName.Require(string.Join('/', Enumerable.Repeat(new string('a', 200), 6))));
        FileName.Require(new string('a', 240));
    }

    /// <summary>The claim of the class, over every character that it allows: none has another normal form.</summary>
    [Fact]
    public void No_two_allowed_characters_fold_to_one_letter_unseen()
    {
        var allowed = Enumerable.Range(1, 0xFFFF).Select(code => (char)code).Where(c => c != '/' && !char.IsSurrogate(c) && !Throws(() => FileName.Require($"{c}x"))).ToList();
        Assert.True(allowed.Count > 20_000);
        var folded = allowed.GroupBy(c => FileName.Fold($"{c}")).Where(group => group.Count() > 1).ToList();
        Assert.All(folded, group => Assert.Throws<MalformedException>(() => FileName.RequireDistinct(group.Select(c => $"{c}x"))));
        Assert.DoesNotContain(allowed, c => System.Globalization.CharUnicodeInfo.GetUnicodeCategory(c) is System.Globalization.UnicodeCategory.NonSpacingMark or System.Globalization.UnicodeCategory.SpacingCombiningMark or System.Globalization.UnicodeCategory.EnclosingMark);
    }

    private static bool Throws(Action action)
    {
        try
        {
            action();
            return false;
        }
        catch (MalformedException)
        {
            return true;
        }
    }
}
