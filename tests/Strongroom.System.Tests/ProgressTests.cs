using System.Text;
using System.Text.Json.Nodes;
using Strongroom.Cli;
using Strongroom.Cli.Commands;
using Strongroom.Enclave;
using Strongroom.System.Tests.People;
using Strongroom.Tests;

namespace Strongroom.System.Tests;

/// <summary>Who waits longer than a second is told how long still.</summary>
public sealed class ProgressTests
{
    [Fact]
    public void Says_nothing_in_the_first_second_then_bytes_rate_and_time_left_and_ends_its_line_once()
    {
        var clock = new HandWoundClock();
        using var error = new StringWriter { NewLine = "\n" };
        var progress = new Progress(error, "sealing it", 10 << 20, clock);
        clock.Wind(TimeSpan.FromSeconds(0.9));
        progress.Report(1 << 20);
        Assert.Equal("", error.ToString());
        clock.Wind(TimeSpan.FromSeconds(1.1));
        progress.Report(3 << 20);
        Assert.Equal("\r[#########...............] sealing it   40%  4.0 MiB of 10.0 MiB  2.0 MiB/s  00:00:03 left\u001b[K", error.ToString());
        progress.Expect(8 << 20);
        clock.Wind(TimeSpan.FromSeconds(2));
        progress.Report(4 << 20);
        Assert.EndsWith("100%  8.0 MiB of 8.0 MiB  2.0 MiB/s  in 4.0 s\u001b[K", error.ToString(), StringComparison.Ordinal);
        progress.Dispose();
        var ended = error.ToString();
        Assert.EndsWith("\u001b[K\n", ended, StringComparison.Ordinal);
        progress.Dispose();
        progress.Report(1);
        Assert.Equal(ended, error.ToString());
        Assert.Equal(1, ended.Count(letter => letter == '\n'));
    }

    [Theory]
    [InlineData(false, true, true)]
    [InlineData(true, true, false)]
    [InlineData(false, false, false)]
    public void Is_for_whoever_looks_at_a_terminal(bool json, bool watched, bool told)
    {
        using var error = new StringWriter();
        using (var progress = new Terminal(TextWriter.Null, error, json, new Talk { Clock = new Hasty(), Watched = watched }).Progress("sealing it", 1)) progress.Report(1);
        Assert.Equal(told, error.ToString().Length > 0);
    }

    [Fact]
    public async Task Every_command_that_may_take_long_tells_it_and_is_silent_afterwards()
    {
        await using var house = await House.BuildAsync();
        const string Header = """{"w":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}""";
        await File.WriteAllBytesAsync(house.At("model/w.safetensors"), [.. BitConverter.GetBytes((long)Header.Length), .. Encoding.UTF8.GetBytes(Header), 1, 2, 3], TestContext.Current.CancellationToken);
        var key = (string)JsonNode.Parse(await File.ReadAllTextAsync(house.At("people/ada.json"), TestContext.Current.CancellationToken))!["ledger_key"]!;
        var custody = $"file:{house.At("K.key")}";
        foreach (var (what, arguments) in (IEnumerable<(string, string[])>)[
            ("sealing", ["seal", house.At("model"), house.At("told"), "--custody", custody, "--name", "told", "--version", "1"]),
            ("verifying", ["verify", house.At("told"), "--custody", custody, "--decrypt"]),
            ("opening", ["open", house.At("told"), house.At("opened"), "--custody", custody]),
            ("opening 1 tensors", ["open", house.At("told"), house.At("tensor"), "--custody", custody, "--tensor", "w"]),
            ("copying", ["backup", house.At("broker"), house.At("copy")]),
            ("restoring", ["restore", house.At("copy"), house.At("restored")]),
            ("reading", ["ledger", "verify", house.Broker, "--key", key]),
            ("reading", ["ledger", "replay", house.At("copy"), "--key", key]),
            ("copying", ["ledger", "copy", house.At("broker"), house.At("public")])])
        {
            using var error = new StringWriter { NewLine = "\n" };
            var code = await CommandLine.RunAsync(
                arguments, [SealCommand.Create(), VerifyCommand.Create(), OpenCommand.Create(), BackupCommand.Backup(), BackupCommand.Restore(), LedgerCommand.Create()],
                new Talk { Clock = new Hasty(), Output = TextWriter.Null, Error = error, EnableDefaultExceptionHandler = false });
            Assert.True(code == 0, $"{string.Join(' ', arguments)} exited with {code}: {error}");
            Assert.Matches($@"^[^\r]*(\r\[#*\.*\] {what} [^\r\n]* of [^\r\n]*/s  [^\r\n]*\x1b\[K)+\n$", error.ToString());
        }
    }

    [Fact]
    public async Task An_enclave_says_each_second_how_far_it_is()
    {
        var clock = new HandWoundClock();
        await using var said = new StringWriter { NewLine = "\n" };
        var pace = new Pace(new Report(said, json: true), clock, ("storyteller", "model", "storyteller"), 10 << 20);
        var telling = pace.EachSecond("opening", () => 4 << 20);
        clock.Wind(TimeSpan.FromSeconds(0.9));
        Assert.Equal("", said.ToString());
        clock.Wind(TimeSpan.FromSeconds(1.1));
        var line = JsonNode.Parse(said.ToString())!;
        Assert.Equal("opening storyteller: 4 of 10 MiB, 2 MB/s, 3 s left", (string?)line["words"]);
        Assert.Equal((4 << 20, 10 << 20, 2, 3), ((int)line["bytes"]!, (int)line["of"]!, (int)line["megabytes_per_second"]!, (int)line["seconds_left"]!));
        await telling.DisposeAsync();
        clock.Wind(TimeSpan.FromSeconds(2));
        Assert.Single(said.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>A second passes whenever somebody looks.</summary>
    private sealed class Hasty : TimeProvider
    {
        private long now;

        public override long GetTimestamp() => Interlocked.Add(ref now, TimestampFrequency);
    }
}
