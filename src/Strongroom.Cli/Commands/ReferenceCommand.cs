using System.CommandLine;
using Strongroom.Facts;
using Command = System.CommandLine.Command;

namespace Strongroom.Cli.Commands;

/// <summary><c>strongroom reference add|remove</c>: what a good machine measures.</summary>
internal static class ReferenceCommand
{
    private static readonly Argument<string> Name = new("name") { Description = "The name that policies use" };

    internal static Command Create() => new Command("reference", "Reference values: what evidence is compared with").With(Add(), Remove());

    private static Command Add()
    {
        var values = new Argument<string[]>("claim=value") { Description = "Every claim of the evidence, such as pcr0=00ab..., as strongroom machine measure prints it; * for a value that may be any", Arity = ArgumentArity.OneOrMore };
        var kind = new Option<string>("--kind") { Description = "The kind of evidence", DefaultValueFactory = _ => "tpm" };
        return new Command("add", "Propose to record reference values, or to replace those of the same name").With(Name, values, kind)
            .Proposes(parsed => new SetReference(parsed.GetRequiredValue(Name), parsed.GetRequiredValue(kind), ReadValues(parsed.GetRequiredValue(values))));
    }

    private static Command Remove() => new Command("remove", "Propose to record them no longer: evidence that only they matched is refused").With(Name)
        .Proposes(parsed => new RemoveReference(parsed.GetRequiredValue(Name)));

    private static Dictionary<string, string> ReadValues(string[] pairs)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in pairs)
        {
            if (pair.Split('=', 2) is not [{ Length: > 0 } claim, { Length: > 0 } value]) throw new UsageException($"'{pair}' is not claim=value");
            if (!values.TryAdd(claim, value)) throw new UsageException($"{claim} is given twice");
        }
        return values;
    }
}
