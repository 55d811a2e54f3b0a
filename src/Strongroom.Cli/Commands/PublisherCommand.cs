using System.CommandLine;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Keys;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom publisher add|remove</c>: whose manifests count.</summary>
internal static class PublisherCommand
{
    private static readonly Argument<string> Name = new("name") { Description = "The publisher's name, as people will read it" };

    internal static Command Create() => new Command("publisher", "Whose models may be added").With(Add(), Remove());

    private static Command Add()
    {
        var key = new Argument<string>("key") { Description = "K.key.publisher.pub, or the key itself in base64" };
        return new Command("add", "Propose to trust a publisher").With(Name, key).Proposes(parsed => new AddPublisher(parsed.GetRequiredValue(Name), ReadKey(parsed.GetRequiredValue(key))));
    }

    private static Command Remove() => new Command("remove", "Propose to trust a publisher no longer: nothing it signed is released any more").With(Name)
        .Proposes(parsed => new RemovePublisher(parsed.GetRequiredValue(Name)));

    internal static Ed25519PublicKey ReadKey(string text) => !File.Exists(text) && text.Length == 44 ? Ed25519PublicKey.Parse(text) : PublisherKeys.ReadPublic(text);
}
