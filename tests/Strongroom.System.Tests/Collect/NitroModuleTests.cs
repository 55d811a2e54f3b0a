using System.Security.Cryptography;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Cose;
using Strongroom.Bytes;
using Strongroom.Enclave.Evidence;
using Strongroom.Enclave.Native;
using Strongroom.Tests.Attestation.Nitro;

namespace Strongroom.System.Tests.Collect;

/// <summary>Documents of the Nitro Secure Module, from one that answers in its place.</summary>
public sealed class NitroModuleTests
{
    [Fact]
    public void A_document_carries_exactly_what_was_asked_and_nothing_beside_it()
    {
        var vendor = new NitroVendor();
        var challenge = RandomNumberGenerator.GetBytes(64);
        var result = Appraiser.For("nitro", vendor.Roots)!.Appraise(new(new SimulatedNsm(vendor).Module.Attest(challenge), NitroVendor.At) { ReportData = challenge });
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Equal(Convert.ToHexStringLower(challenge), (string?)result.Claims["user_data"]);
        Assert.Null(result.Claims["nonce"]);
        Assert.Null(result.Claims["public_key"]);
    }

    [Fact]
    public void The_request_is_written_as_AWS_writes_it()
    {
        byte[] asked = [];
        Assert.Throws<MalformedException>(() => new NitroModule(request =>
        {
            asked = request.ToArray();
            return [];
        }).Attest(new byte[] { 7 }));
        Assert.Equal("A16B4174746573746174696F6EA369757365725F646174614107656E6F6E6365F66A7075626C69635F6B6579F6", Convert.ToHexString(asked));
    }

    [Fact]
    public void A_refusal_of_the_module_is_told_in_its_own_word()
    {
        var answer = new CborWriter().Map(1).Text("Error").Text("InputTooLarge").ToArray();
        Assert.Contains("InputTooLarge", Assert.Throws<UnavailableException>(() => new NitroModule(_ => answer).Attest(new byte[64])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("A0")]
    [InlineData("F6")]
    [InlineData("A16B4174746573746174696F6EA0")] // no document
    [InlineData("A16B4174746573746174696F6EA168646F63756D656E74F6")] // a null one
    [InlineData("A16B4174746573746174696F6EA168646F63756D656E74410700")] // one, and a byte after it
    [InlineData("A16B4174746573746174696F6EA268646F63756D656E7441076161F6")] // one, and another member
    [InlineData("A26B4174746573746174696F6EA168646F63756D656E7441076161F6")] // one, and something beside the attestation
    [InlineData("A16B4174746573746174696F6EA168646F63756D656E745820")] // cut off
    public void Refuses_an_answer_that_is_none(string hex) =>
        Assert.Throws<MalformedException>(() => new NitroModule(_ => Convert.FromHexString(hex)).Attest(new byte[64]));

    [Theory]
    [InlineData("/no/such/device")]
    [InlineData("/dev/null")] // a device that knows no such message
    public void Without_the_device_there_is_no_answer(string device) =>
        Assert.Throws<UnavailableException>(() => Nsm.Exchange(device, new byte[8]));
}
