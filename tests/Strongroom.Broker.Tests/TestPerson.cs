using System.Security.Cryptography;
using Strongroom.Crypto;
using Strongroom.Facts;

namespace Strongroom.Broker.Tests;

/// <summary>Somebody with a key.</summary>
internal sealed class TestPerson(params string[] groups)
{
    public string Id { get; } = Ids.NewPerson();

    public IReadOnlyList<string> Groups { get; } = groups;

    public Ed25519PrivateKey Key { get; } = Ed25519PrivateKey.FromSeed(RandomNumberGenerator.GetBytes(32));

    public SignedCommand Sign(Command command) => SignedCommand.Sign(command, Key);
}
