using System.CommandLine;
using Strongroom.Facts;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom collector add|remove</c>: whose collections of vendors' endorsements count.</summary>
internal static class CollectorCommand
{
    private static readonly Argument<string> Name = new("name") { Description = "The collector's name, as people will read it" };

    internal static Command Create() => new Command("collector", "Who may collect vendors' endorsements: a bundle is as young as its collector says").With(Add(), Remove());

    private static Command Add()
    {
        var key = new Argument<string>("key") { Description = "K.key.publisher.pub of the key that signs the bundles, or the key itself in base64" };
        return new Command("add", "Propose to believe a collector").With(Name, key).Proposes(parsed => new AddCollector(parsed.GetRequiredValue(Name), PublisherCommand.ReadKey(parsed.GetRequiredValue(key))));
    }

    private static Command Remove() => new Command("remove", "Propose to believe a collector no longer: what is on record by them counts no more, at once").With(Name)
        .Proposes(parsed => new RemoveCollector(parsed.GetRequiredValue(Name)));
}
