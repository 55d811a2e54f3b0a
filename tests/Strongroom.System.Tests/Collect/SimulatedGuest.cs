using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Strongroom.Enclave.Evidence;
using Strongroom.System.Tests.Enclave;

namespace Strongroom.System.Tests.Collect;

/// <summary>
/// A guest with a TEE as its programs see it: configfs-tsm at its real place, in a mount namespace that lasts as long as the thread that answers in the kernel's place, and
/// that nothing outside it can see. Skips its test where that cannot be had.
/// </summary>
internal sealed partial class SimulatedGuest : IDisposable
{
    private const int NewNamespace = 0x20000; // CLONE_NEWNS
    private const ulong PrivateEverywhere = 0x4000 | 0x40000; // MS_REC | MS_PRIVATE

    private readonly TaskCompletionSource<string> ready = new();
    private readonly Thread kernel;
    private TsmFileSystem? files;

    /// <param name="module">What the processor is at first.</param>
    /// <param name="gpu">Whose driver's library is installed; null for a guest without one.</param>
    public SimulatedGuest(TsmModule module, GuestGpu? gpu = null)
    {
        (Module, Gpu) = (module, gpu);
        if (Environment.UserName != "root" || !File.Exists("/dev/fuse")) Assert.Skip("no file system can stand in the place of configfs here: run the tests as root, with /dev/fuse");
        kernel = new(Kernel) { IsBackground = true };
        kernel.Start();
        try
        {
            Namespace = ready.Task.GetAwaiter().GetResult();
        }
        catch (Win32Exception e)
        {
            Assert.Skip($"no file system can stand in the place of configfs here ({e.Message}): run the tests as root, and a container with --cap-add SYS_ADMIN");
        }
        // As a driver's package does it: the loader finds libraries by this cache.
        if (gpu is not null) Assert.Equal(0, Run("sh", "-c", "ldconfig -X -C $0/ld.so.cache $0 && mount --bind $0/ld.so.cache /etc/ld.so.cache", gpu.Place));
    }

    public TsmModule Module { get; set; }

    public GuestGpu? Gpu { get; }

    private string Namespace { get; } = "";

    /// <summary>A program and its arguments, as they are started in this guest.</summary>
    public string[] Command(params IEnumerable<string> command) => ["nsenter", $"--mount={Namespace}", .. command];

    public EnclaveProcess Enclave(string state, params IEnumerable<string> arguments) => EnclaveProcess.StartCommand(state, Command(["dotnet", EnclaveProcess.Program, .. arguments]));

    public void Dispose()
    {
        Run("umount", TsmReports.Place);
        kernel.Join();
        Gpu?.Dispose();
        if (files!.Failure is { } failure) throw new InvalidOperationException("the simulated kernel failed", failure);
    }

    private int Run(params string[] command)
    {
        using var running = Process.Start("nsenter", Command(command)[1..]);
        running.WaitForExit();
        return running.ExitCode;
    }

    private void Kernel()
    {
        try
        {
            using var device = new FileStream("/dev/fuse", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
            Require(unshare(NewNamespace)); // of this thread alone
            Require(mount("none", "/", null, PrivateEverywhere, null));
            Require(mount("none", Directory.Exists("/sys/kernel/config") ? "/sys/kernel/config" : "/sys/kernel", "tmpfs", 0, null)); // a kernel without configfs has no place to mount it
            Directory.CreateDirectory(TsmReports.Place);
            Require(mount("tsm", TsmReports.Place, "fuse", 0, $"fd={device.SafeFileHandle.DangerousGetHandle()},rootmode=40000,user_id=0,group_id=0"));
            files = new(device, () => Module);
            ready.SetResult($"/proc/{File.ResolveLinkTarget("/proc/thread-self", returnFinalTarget: false)!.FullName["/proc/".Length..]}/ns/mnt");
            files.Serve();
        }
        catch (Exception e)
        {
            ready.TrySetException(e);
        }
    }

    private static void Require(int result)
    {
        if (result != 0) throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unshare(int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mount(string source, string target, string? type, ulong flags, string? data);
}
