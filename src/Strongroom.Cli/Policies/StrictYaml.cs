using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Bytes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Strongroom.Cli.Policies;

/// <summary>
/// The part of YAML that reads the same to everybody: mappings, lists and words. Anchors, tags, merge keys, repeated keys and a second document
/// are refused, and no word is ever taken for something else than its letters.
/// </summary>
internal abstract record StrictYaml(long Line, long Column)
{
    private const int MaxBytes = 1 << 20;
    private const int MaxDepth = 8;

    /// <param name="Plain">Written without quotes.</param>
    internal sealed record Scalar(string Text, bool Plain, long Line, long Column) : StrictYaml(Line, Column);

    internal sealed record Sequence(IReadOnlyList<StrictYaml> Items, long Line, long Column) : StrictYaml(Line, Column);

    internal sealed record Mapping(IReadOnlyList<(Scalar Key, StrictYaml Value)> Members, long Line, long Column) : StrictYaml(Line, Column);

    /// <exception cref="MalformedException">Not UTF-8, not YAML, or beyond the part that is read; with line and column.</exception>
    internal static StrictYaml Parse(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length > MaxBytes) throw new MalformedException(MaxBytes, $"longer than {MaxBytes} bytes");
        try
        {
            var parser = new Parser(new StringReader(new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(utf8)));
            parser.Consume<StreamStart>();
            if (parser.Accept<StreamEnd>(out _)) throw new MalformedException(-1, "line 1: there is nothing in it");
            parser.Consume<DocumentStart>();
            var root = Read(parser, 0);
            parser.Consume<DocumentEnd>();
            if (parser.Current is not StreamEnd) throw At(parser.Current!.Start, "a second document begins; one file is one policy");
            return root;
        }
        catch (DecoderFallbackException)
        {
            throw new MalformedException(-1, "not UTF-8");
        }
        catch (YamlException e)
        {
            throw At(e.Start, e.Message.TrimEnd('.'));
        }
    }

    /// <summary>As JSON: true and false and plain digits are what they look like, every other word is a string.</summary>
    internal JsonNode ToJson() => this switch
    {
        Scalar { Plain: true, Text: "true" } => JsonValue.Create(true),
        Scalar { Plain: true, Text: "false" } => JsonValue.Create(false),
        Scalar { Plain: true, Text: var text } when text.Length is > 0 and <= 18 && !text.AsSpan().ContainsAnyExceptInRange('0', '9') && (text is "0" || text[0] != '0') => JsonValue.Create(long.Parse(text, CultureInfo.InvariantCulture)),
        Scalar scalar => JsonValue.Create(scalar.Text),
        Sequence sequence => new JsonArray([.. sequence.Items.Select(item => item.ToJson())]),
        Mapping mapping => new JsonObject(mapping.Members.Select(member => KeyValuePair.Create<string, JsonNode?>(member.Key.Text, member.Value.ToJson()))),
        _ => throw Refuse("nothing that can be read"),
    };

    internal MalformedException Refuse(string what) => new(-1, $"line {Line}, column {Column}: {what}");

    private static StrictYaml Read(Parser parser, int depth)
    {
        var start = parser.Current!.Start;
        if (depth > MaxDepth) throw At(start, "nested too deeply");
        if (parser.Current is AnchorAlias) throw At(start, "an alias (*name) is not read here: write the value out");
        if (parser.Current is NodeEvent node)
        {
            if (!node.Anchor.IsEmpty) throw At(start, $"an anchor (&{node.Anchor.Value}) is not read here: write values out");
            if (!node.Tag.IsEmpty) throw At(start, $"a tag ({node.Tag.Value}) is not read here: leave it out");
        }
        if (parser.TryConsume<YamlDotNet.Core.Events.Scalar>(out var scalar))
            return new Scalar(scalar.Value, scalar.Style == ScalarStyle.Plain, start.Line, start.Column);
        if (parser.TryConsume<SequenceStart>(out _))
        {
            var items = new List<StrictYaml>();
            while (!parser.TryConsume<SequenceEnd>(out _)) items.Add(Read(parser, depth + 1));
            return new Sequence(items, start.Line, start.Column);
        }
        parser.Consume<MappingStart>();
        var members = new List<(Scalar, StrictYaml)>();
        while (!parser.TryConsume<MappingEnd>(out _)) members.Add(ReadMember(parser, depth, members));
        return new Mapping(members, start.Line, start.Column);
    }

    private static (Scalar, StrictYaml) ReadMember(Parser parser, int depth, List<(Scalar Key, StrictYaml)> before)
    {
        var at = parser.Current!.Start;
        if (Read(parser, depth + 1) is not Scalar key) throw At(at, "a key must be a word");
        if (before.Find(member => member.Key.Text == key.Text).Key is { } first) throw key.Refuse($"{key.Text} stands already in line {first.Line}");
        return (key, Read(parser, depth + 1));
    }

    private static MalformedException At(Mark mark, string what) => new(-1, $"line {mark.Line}, column {mark.Column}: {what}");
}
