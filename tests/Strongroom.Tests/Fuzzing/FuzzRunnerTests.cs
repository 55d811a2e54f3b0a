using System.Text;
using Strongroom.Attestation.Cose;
using Strongroom.Bytes;
using Strongroom.Tests.Attestation.Snp;

namespace Strongroom.Tests.Fuzzing;

/// <summary>The one that looks for faults finds them, and its bytes come further than the first parser.</summary>
public sealed class FuzzRunnerTests
{
    private static readonly byte[] Good = Encoding.ASCII.GetBytes("""{"number":[1,2,3],"text":"00112233445566778899"}""");

    [Fact]
    public void Notices_an_exception_that_is_not_malformed() =>
        Assert.Throws<InvalidOperationException>(() => Fuzz.Run(file => { if (!file.AsSpan().SequenceEqual(Good)) throw new FormatException(); }, Good));

    [Fact]
    public void Notices_one_input_that_takes_long() => Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Fuzz.Run(file =>
    {
        for (var began = ThreadTime.Now; file.Length % 7 == 3 && ThreadTime.Now - began < TimeSpan.FromMilliseconds(250);)
        {
        }
    }, Good));

    [Fact]
    public void Notices_memory_that_is_taken_for_a_length() =>
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Fuzz.Run(file => _ = new byte[file.Length % 7 == 3 ? 17 * 1024 * 1024 : 1], Good));

    [Fact]
    public void Makes_the_same_bytes_of_the_same_numbers()
    {
        for (var i = 0; i < 100; i++) Assert.Equal(new Mutator(new Random(i), [Good]).Next(), new Mutator(new Random(i), [Good]).Next());
    }

    [Fact]
    public void Keeps_the_form_of_what_it_changes_often()
    {
        var certificate = TestAmd.Of(Strongroom.Attestation.Snp.SnpProduct.Milan).Root;
        var cbor = new CborWriter().Map(2).Number(1).Bytes([1, 2, 3, 4, 5]).Number(2).Array(2).Text("one").Number(7).ToArray();
        Assert.InRange(Held(Good, file => _ = System.Text.Json.JsonDocument.Parse(file)), 200, 999);
        Assert.InRange(Held(certificate, file => _ = new System.Formats.Asn1.AsnReader(file, System.Formats.Asn1.AsnEncodingRules.DER).ReadSequence()), 200, 999);
        Assert.InRange(Held(cbor, file => _ = CborItem.Parse(file, CborForm.AnyOrder)), 200, 999);
    }

    private static int Held(byte[] good, Action<byte[]> parse) => Enumerable.Range(0, 1000).Count(i =>
    {
        var file = new Mutator(new Random(i), [good]).Next();
        try
        {
            parse(file);
            return !file.AsSpan().SequenceEqual(good);
        }
        catch (Exception e) when (e is MalformedException or System.Text.Json.JsonException or System.Formats.Asn1.AsnContentException)
        {
            return false;
        }
    });
}
