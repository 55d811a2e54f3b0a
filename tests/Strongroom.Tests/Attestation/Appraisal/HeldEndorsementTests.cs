using System.Text;
using Strongroom.Attestation.Appraisal;
using Strongroom.Tests.Attestation.Dcap;
using Strongroom.Tests.Attestation.Nvidia;

namespace Strongroom.Tests.Attestation.Appraisal;

/// <summary>What a list of endorsements says of each: from when, until when, and whether that is over.</summary>
public sealed class HeldEndorsementTests
{
    private static readonly TimeSpan Oldest = TimeSpan.FromDays(7);

    [Theory]
    [InlineData("tcb.json", "tcb info")]
    [InlineData("qe.json", "qe identity")]
    public void What_Intel_signs_is_stale_when_its_next_update_is_due_or_it_is_older_than_asked(string file, string form)
    {
        var held = Held((file, new TestPlatform("tdx").FilesOf()[file]));
        var fresh = Assert.Single(HeldEndorsement.Of(held, TestIntel.At, Oldest));
        Assert.Equal((form, false), (fresh.Form, fresh.Stale));
        Assert.True(fresh.Issued < TestIntel.At && TestIntel.At < fresh.Expires);
        Assert.True(StaleAt(held, fresh.Expires!.Value));
        Assert.True(StaleAt(held, fresh.Issued!.Value.AddSeconds(-1)));
        Assert.True(StaleAt(held, fresh.Issued.Value + Oldest + TimeSpan.FromSeconds(1)));
        Assert.False(Assert.Single(HeldEndorsement.Of(held, fresh.Issued.Value + Oldest + TimeSpan.FromSeconds(1), TimeSpan.FromDays(30))).Stale);
    }

    [Fact]
    public void TCB_info_that_was_collected_lately_is_as_young_as_its_collection()
    {
        var file = new TestPlatform("tdx").FilesOf()["tcb.json"];
        var issued = HeldEndorsement.Of(Held(("tcb", file)), TestIntel.At, Oldest)[0].Issued!.Value;
        var late = issued + Oldest + TimeSpan.FromDays(1);
        Assert.False(StaleAt(Endorsements.Read([("tcb", (ReadOnlyMemory<byte>)file)], late.AddHours(-1)), late));
    }

    [Fact]
    public void An_OCSP_response_says_from_when_until_when()
    {
        var gpu = new NvidiaCase();
        var held = Held(("ocsp", gpu.Files().First(file => file.Item1 == "ocsp").Item2.ToArray()));
        var response = Assert.Single(HeldEndorsement.Of(held, NvidiaVendor.Now, Oldest));
        Assert.Equal(("ocsp response", NvidiaVendor.Now.AddDays(-1), NvidiaVendor.Now.AddDays(6), false), (response.Form, response.Issued!.Value, response.Expires!.Value, response.Stale));
        Assert.True(StaleAt(held, NvidiaVendor.Now.AddDays(6)));
    }

    [Fact]
    public void A_RIM_is_as_good_as_its_certificates()
    {
        var held = Held(("rim", Encoding.UTF8.GetBytes(new NvidiaCase().DriverRim())));
        var rim = Assert.Single(HeldEndorsement.Of(held, NvidiaVendor.Now, Oldest));
        Assert.Equal(("rim", false), (rim.Form, rim.Stale));
        Assert.Contains("550.90.07", rim.What, StringComparison.Ordinal);
        Assert.True(StaleAt(held, rim.Expires!.Value.AddSeconds(1)));
        Assert.True(StaleAt(held, rim.Issued!.Value.AddSeconds(-1)));
    }

    [Theory]
    [InlineData("""{"tcbInfo":{"version":3},"signature":"00"}""")]
    [InlineData("<SoftwareIdentity/>")]
    public void What_cannot_be_read_is_not_called_good(string document) => Assert.True(StaleAt(Held(("document", Encoding.UTF8.GetBytes(document))), TestIntel.At));

    [Fact]
    public void Other_documents_are_listed_without_dates()
    {
        var other = Assert.Single(HeldEndorsement.Of(Held(("a/b.json", "{}"u8.ToArray())), TestIntel.At, Oldest));
        Assert.Equal(new("json", "b.json", null, null, false), other);
    }

    private static bool StaleAt(Endorsements held, DateTimeOffset at) => Assert.Single(HeldEndorsement.Of(held, at, Oldest)).Stale;

    private static Endorsements Held((string Name, byte[] Bytes) file) => Endorsements.Read([(file.Name, (ReadOnlyMemory<byte>)file.Bytes)]);
}
