using Strongroom.Bytes;
using Strongroom.Facts;
using Strongroom.Protocol;
using Strongroom.Tests.Facts;

namespace Strongroom.Tests.Protocol;

/// <summary>Names are shown to enrolled people only, spec/release-protocol.md "Signed reads".</summary>
public sealed class SignedReadTests
{
    private const string Path = "/v1/persons?all";

    private readonly Town town = Town.Furnished();

    [Fact]
    public void Accepts_what_an_enrolled_person_signed_for_this_exchange() => Assert.Empty(Refusals(SignedRead.Parse(Read().ToHeader())));

    [Fact]
    public void Rejects_another_path_method_or_body()
    {
        Assert.NotEmpty(Refusals(Read(), path: "/v1/requests"));
        Assert.NotEmpty(Refusals(Read(), method: "DELETE"));
        Assert.NotEmpty(Refusals(Read(), body: "x"u8.ToArray()));
    }

    [Fact]
    public void Rejects_what_was_signed_for_another_ledger() => Assert.Equal(["it is meant for another ledger"], Refusals(Read("other")));

    [Fact]
    public void Rejects_a_changed_member() =>
        Assert.Equal([$"the signature is not one of {town.Owner1}"], Refusals(Read() with { At = town.Now.AddSeconds(1) }));

    [Fact]
    public void Rejects_an_old_signature()
    {
        var read = Read();
        town.Now = town.Now.AddSeconds(301);
        Assert.NotEmpty(Refusals(read));
    }

    [Fact]
    public void Rejects_a_leaver()
    {
        town.Agree(new RemovePerson(town.Owner1));
        Assert.Equal([$"{town.Owner1} is not an enrolled person"], Refusals(Read()));
    }

    [Fact]
    public void Rejects_another_persons_key() => Assert.NotEmpty(Refusals(Read() with { By = town.Owner2 }));

    [Theory]
    [InlineData("")]
    [InlineData("!")]
    [InlineData("e30=")]
    public void Rejects_a_header_that_is_none(string header) => Assert.Throws<MalformedException>(() => SignedRead.Parse(header));

    private SignedRead Read(string ledger = Town.Origin) => SignedRead.Sign(ledger, town.Owner1, town.Now, "GET", Path, [], town.KeyOf(town.Owner1));

    private IReadOnlyList<string> Refusals(SignedRead read, string method = "GET", string path = Path, byte[]? body = null) =>
        read.Refusals(town.State, method, path, Digest.Of(body ?? []), town.Now);
}
