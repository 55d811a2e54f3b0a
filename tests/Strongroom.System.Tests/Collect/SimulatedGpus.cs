using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Strongroom.Tests.Attestation.Nvidia;

namespace Strongroom.System.Tests.Collect;

/// <summary>A driver library compiled from C, so that structures and calls are those of a compiler, whose GPUs are the test vendor's. One at a time: the library is one for the process.</summary>
internal sealed unsafe class SimulatedGpus : IDisposable
{
    private static readonly Lazy<string> Compiled = new(Compile);
    private static SimulatedGpus? current;

    private readonly nint library = NativeLibrary.Load(Compiled.Value);

    /// <param name="initialising">What nvmlInit gives.</param>
    /// <param name="feature">ccFeature; 99 where the driver does not know it.</param>
    public SimulatedGpus(int initialising = 0, uint feature = 1, uint devtools = 0, int count = 1)
    {
        current = this;
        Devices = [.. Enumerable.Range(0, count).Select(index => new TestDevice { Serial = $"414{index:X}1D480FE5E87274" })];
        ((delegate* unmanaged<int, uint, uint, uint, delegate* unmanaged<uint, byte*, byte*, uint>, delegate* unmanaged<uint, byte*, byte*, uint>, void>)NativeLibrary.GetExport(library, "simulate"))(
            initialising, (uint)count, feature, devtools, &Report, &Chain);
    }

    public static string Library => Compiled.Value;

    public IReadOnlyList<TestDevice> Devices { get; init; }

    public NvidiaVendor Vendor { get; } = new NvidiaCase().Vendor;

    /// <summary>What a device says that it wrote: by default, what it did.</summary>
    public Func<int, byte[], (byte[] Bytes, uint Size)> Say { get; init; } = (_, bytes) => (bytes, (uint)bytes.Length);

    /// <summary>How many have the library open.</summary>
    public int Users => (int)((delegate* unmanaged<uint>)NativeLibrary.GetExport(library, "simulated_users"))();

    public void Dispose() => NativeLibrary.Free(library);

    [UnmanagedCallersOnly]
    private static uint Report(uint device, byte* nonce, byte* into) =>
        Write((int)device, current!.Vendor.Report(current.Devices[(int)device] with { Nonce = new Span<byte>(nonce, 32).ToArray() }), into);

    [UnmanagedCallersOnly]
    private static uint Chain(uint device, byte* nonce, byte* into) =>
        Write((int)device, Encoding.ASCII.GetBytes(NvidiaVendor.Pem(current!.Vendor.Chain(current.Devices[(int)device])) + "\0"), into);

    private static uint Write(int device, byte[] bytes, byte* into)
    {
        var (said, size) = current!.Say(device, bytes);
        said.CopyTo(new Span<byte>(into, said.Length));
        return size;
    }

    private static string Compile()
    {
        var directory = Directory.CreateTempSubdirectory("strongroom-driver-"); // a checkout may lie where nobody, who loads it, cannot read
        AppDomain.CurrentDomain.ProcessExit += (_, _) => directory.Delete(recursive: true);
        directory.UnixFileMode |= UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        var path = Path.Combine(directory.FullName, "libnvidia-ml.so.1");
        using var compiler = Process.Start("gcc", ["-shared", "-fPIC", "-Wall", "-Werror", "-Wl,-soname,libnvidia-ml.so.1", "-o", path, Path.Combine(AppContext.BaseDirectory, "Collect", "nvml.c")]);
        compiler.WaitForExit();
        Assert.Equal(0, compiler.ExitCode);
        return path;
    }
}
