using System.Diagnostics;
using Strongroom.Weights.Models;

namespace Strongroom.Tests.Weights;

/// <summary>Where the engine puts things, and on what it computes.</summary>
public sealed class PlaceTests
{
    private const string Nested = "STRONGROOM_NARROW";

    [Fact]
    public void No_weight_and_no_activation_reaches_the_garbage_collector_s_heap()
    {
        using var files = new TinyModel { Dimension = 256, Hidden = 1024, Heads = 8, KeyValueHeads = 8, HeadDimension = 32, Layers = 4 }.Fill(1).Files();
        var weights = files.All.Single(file => file.Name == "model.safetensors").Length;
        var before = GC.GetAllocatedBytesForCurrentThread();
        using var model = LlamaModel.Load(files.All, 1);
        var loaded = GC.GetAllocatedBytesForCurrentThread();
        using var session = new Session(model, WorkingMemory.Ordinary, 200);
        session.Read(new int[100]);
        var ready = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 50; i++) session.Read([i]);
        var decoded = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(weights > 10_000_000);
        Assert.True(loaded - before < weights / 10, $"loading {weights} bytes of weights allocated {loaded - before} bytes");
        Assert.True(ready - loaded < 10_000, $"a session allocated {ready - loaded} bytes");
        Assert.True(decoded - ready < 5_000, $"50 tokens allocated {decoded - ready} bytes");
    }

    /// <summary>A processor with narrower registers runs other code; the runtime can be told to be one.</summary>
    [Theory]
    [InlineData("DOTNET_EnableAVX512")]
    [InlineData("DOTNET_EnableAVX2")]
    public void Narrower_registers_pass_the_same_tests(string off)
    {
        if (Environment.GetEnvironmentVariable(Nested) is not null) Assert.Skip("this is the narrow run");
        var start = new ProcessStartInfo("dotnet", [typeof(PlaceTests).Assembly.Location, "-class", "*.DecoderTests", "-class", "*.SampleTests", "-class", "*.StoriesTests"])
        {
            RedirectStandardOutput = true, Environment = { [off] = "0", [Nested] = "1" },
        };
        using var run = Process.Start(start)!;
        var output = run.StandardOutput.ReadToEnd();
        run.WaitForExit();
        Assert.True(run.ExitCode == 0, output);
        Assert.Contains("Failed: 0", output);
        Assert.DoesNotContain("Total: 0", output);
    }
}
