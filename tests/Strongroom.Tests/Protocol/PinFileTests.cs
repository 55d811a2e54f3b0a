using System.Text.Json.Nodes;
using Strongroom.Bytes;
using Strongroom.Protocol;
using Strongroom.Tests.Ledger;

namespace Strongroom.Tests.Protocol;

/// <summary>The files that say whom a program trusts, spec/profile.md and spec/broker-directory.md.</summary>
public sealed class PinFileTests
{
    private static readonly ClientProfile Profile = new(
        ClientProfile.Kind, "https://broker.example:7440", Digest.Of("broker key"u8), TestKeys.Signer("example.org/ledger").Verifier, [TestKeys.Cosigner("witness.example/1").Verifier]);

    private static readonly BrokerConfiguration Broker = new(
        BrokerConfiguration.Kind, "example.org/ledger", "127.0.0.1:7440", [new("https://witness.example", $"{TestKeys.Cosigner("witness.example/1").Verifier}")], "file:custody.key");

    [Fact]
    public void What_was_written_is_read()
    {
        Assert.Equal(Profile.ToBytes(), ClientProfile.Parse(Profile.ToBytes()).ToBytes());
        Assert.Equal(Broker.ToBytes(), BrokerConfiguration.Parse(Broker.ToBytes()).ToBytes());
    }

    [Theory]
    [InlineData("type", "\"profile.v2\"")]
    [InlineData("witnesses", "[]")]
    [InlineData("broker", "\"http://broker.example:7440\"")]
    [InlineData("broker", "\"broker.example\"")]
    [InlineData("broker_key", "\"00\"")]
    [InlineData("surprise", "1")]
    public void Rejects_a_profile_that_pins_nothing_or_something_else(string member, string value) =>
        Assert.Throws<MalformedException>(() => ClientProfile.Parse(With(Profile.ToBytes(), member, value)));

    [Theory]
    [InlineData("type", "\"broker.v2\"")]
    [InlineData("witnesses", "[]")]
    [InlineData("surprise", "1")]
    public void Rejects_a_broker_without_a_witness_or_of_another_type(string member, string value) =>
        Assert.Throws<MalformedException>(() => BrokerConfiguration.Parse(With(Broker.ToBytes(), member, value)));

    private static byte[] With(byte[] utf8, string member, string value)
    {
        var file = JsonNode.Parse(utf8)!.AsObject();
        file[member] = JsonNode.Parse(value);
        return CanonicalJson.Write(file);
    }
}
