using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Strongroom.Bytes;
using Strongroom.Enclave.Evidence;
using Strongroom.Enclave.Hardening;
using Strongroom.Enclave.Native;

namespace Strongroom.System.Tests.Collect;

/// <summary>The process that loads the driver's library in the enclave's place.</summary>
public sealed class GpuProcessTests
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "Strongroom.Enclave.dll");

    [Fact]
    public void Another_process_asks_and_this_one_never_loads_the_library()
    {
        var nonce = Nonce(1);
        using var said = JsonDocument.Parse(Assert.Single(GpuProcess.PartsIn(Ask(nonce))).Evidence);
        Assert.Equal(nonce, said.RootElement.GetProperty("evidence").GetBytesFromBase64());
        Assert.Equal("on", said.RootElement.GetProperty("cc_mode").GetString());
        Assert.Equal(new(1, "on"), GpuProcess.FindIn(Ask([])));
    }

    [Fact]
    public void A_driver_that_dies_takes_nothing_with_it() =>
        Assert.Contains("signal 6", Assert.Throws<UnavailableException>(() => Ask(Nonce(0xDE))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(0x5E)]
    [InlineData(0xC1)] // after it closed its output
    [InlineData(0xF0)] // it does not, but what it started does
    public void A_driver_that_hangs_is_given_up_and_leaves_nothing(byte first)
    {
        var nonce = Nonce(first);
        Assert.Contains("nothing was said", Assert.Throws<UnavailableException>(() => Ask(nonce, TimeSpan.FromSeconds(2))).Message, StringComparison.Ordinal);
        Assert.True(SpinWait.SpinUntil(() => !IsAsked(Convert.ToHexStringLower(nonce)), TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public void A_library_can_neither_read_nor_trace_nor_signal_who_started_it()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only a process of root can become nobody: run it as root");
        string[] attempts = ["mem", "environ", "ptrace", "process_vm_readv", "kill", "a file of root's", "setresuid", "setgroups", "new privileges", "bounding set", "the session"];
        using var said = JsonDocument.Parse(Assert.Single(GpuProcess.PartsIn(Ask(Nonce(0xA7)))).Evidence);
        var succeeded = said.RootElement.GetProperty("evidence").GetBytesFromBase64();
        Assert.Empty(attempts.Where((_, index) => succeeded[index] != 0));
    }

    [Fact]
    public void The_program_may_lie_where_nobody_can_read_it()
    {
        var place = Directory.CreateTempSubdirectory("strongroom-own-"); // its owner's alone
        try
        {
            foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory, "Strongroom*")) File.Copy(file, Path.Combine(place.FullName, Path.GetFileName(file)));
            Assert.Single(GpuProcess.PartsIn(Ask(Nonce(1), program: Path.Combine(place.FullName, "Strongroom.Enclave.dll"))));
        }
        finally
        {
            place.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_library_named_by_the_environment_is_not_the_drivers()
    {
        Assert.DoesNotContain(CleanStart.Wanted([$"LD_LIBRARY_PATH={Path.GetDirectoryName(SimulatedGpus.Library)}"]), variable => variable.StartsWith("LD_", StringComparison.Ordinal));
        var before = Environment.GetEnvironmentVariable("LD_LIBRARY_PATH");
        Environment.SetEnvironmentVariable("LD_LIBRARY_PATH", Path.GetDirectoryName(SimulatedGpus.Library));
        try
        {
            Assert.NotEqual(new(1, "on"), GpuProcess.FindIn(GpuProcess.Ask([], verb => ["dotnet", Program, .. verb]))); // in the environment that the enclave gives it
        }
        finally
        {
            Environment.SetEnvironmentVariable("LD_LIBRARY_PATH", before);
        }
    }

    [Fact]
    public void Who_says_too_much_is_cut_off()
    {
        string[] talks = ["dotnet", Program, "--help"];
        Assert.Contains("more than 100 bytes", Assert.Throws<UnavailableException>(() => Spawn.Ask(talks, CleanStart.Wanted([]), max: 100, TimeSpan.FromMinutes(1))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"parts":"none"}""")]
    [InlineData("""{"parts":[1]}""")]
    [InlineData("""{"parts":["?"]}""")]
    public void What_is_no_answer_is_no_evidence(string answer) => Assert.Throws<UnavailableException>(() => GpuProcess.PartsIn(Encoding.UTF8.GetBytes(answer)));

    private static byte[] Ask(byte[] nonce, TimeSpan? patience = null, string? program = null) => GpuProcess.Ask(
        nonce.Length == 0 ? [] : [Convert.ToHexStringLower(nonce)], verb => ["dotnet", program ?? Program, .. verb],
        [.. CleanStart.Wanted([]), $"LD_LIBRARY_PATH={Path.GetDirectoryName(SimulatedGpus.Library)}"], patience);

    /// <summary>Whether a process lives that was started over this nonce.</summary>
    private static bool IsAsked(string nonce) => Directory.EnumerateDirectories("/proc").Any(process =>
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline")).Contains(nonce, StringComparison.Ordinal); // a zombie has none
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });

    private static byte[] Nonce(byte first) => [first, .. RandomNumberGenerator.GetBytes(31)];
}
