using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Strongroom.Bytes;
using Strongroom.Enclave.Native;

namespace Strongroom.Enclave.Evidence;

/// <summary>The seven functions of libnvidia-ml that evidence needs (nvml.h of driver 535 and later). Structures are plain numbers and byte arrays without padding.</summary>
internal sealed unsafe class Nvml : IDisposable
{
    internal const string Library = "libnvidia-ml.so.1";
    private const string Node = "/dev/nvidiactl";
    private const string Driver = "/proc/driver/nvidia/version"; // there when the kernel's module is loaded
    internal const int NonceSizeInBytes = 32; // NVML_CC_GPU_CEC_NONCE_SIZE

    private const int NotSupported = 3; // NVML_ERROR_NOT_SUPPORTED
    private const int NoDriver = 9; // NVML_ERROR_DRIVER_NOT_LOADED
    private const int DeviceChain = 0x1000; // NVML_GPU_CERT_CHAIN_SIZE
    private const int AttestationChain = 0x1400; // NVML_GPU_ATTESTATION_CERT_CHAIN_SIZE
    private const int ReportSize = 0x2000; // NVML_CC_GPU_ATTESTATION_REPORT_SIZE
    private const int BoardReportSize = 0x1000; // NVML_CC_GPU_CEC_ATTESTATION_REPORT_SIZE

    private readonly nint library;

    private Nvml(nint library) => this.library = library;

    /// <summary>Null where there is no such library or no driver: a machine without GPUs.</summary>
    /// <exception cref="UnavailableException">It is there and does not work.</exception>
    internal static Nvml? Open(string path)
    {
        if (!NativeLibrary.TryLoad(path, out var library)) return null;
        var nvml = new Nvml(library);
        var result = ((delegate* unmanaged<int>)nvml.Function("nvmlInit_v2"))();
        if (result == 0) return nvml;
        NativeLibrary.Free(library);
        // Without its nodes the library takes the driver for missing, and makes none where it is nobody.
        if (result == NoDriver && File.Exists(Driver)) throw new UnavailableException($"the GPUs' driver is loaded and {Node} is not there or not to be used: nvidia-modprobe or nvidia-persistenced makes it");
        return result == NoDriver ? null : throw Failure("nvmlInit", result);
    }

    /// <summary>The group that may use the driver's nodes where others may not; nobody's where they may, as is the driver's default.</summary>
    internal static uint Group()
    {
        const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        const UnixFileMode Group = UnixFileMode.GroupRead | UnixFileMode.GroupWrite;
        var mode = File.Exists(Node) ? File.GetUnixFileMode(Node) : Others;
        return (mode & Others) != Others && (mode & Group) == Group && Fcntl.GroupOf(Node) is not 0 and var group ? group : Credentials.Nobody;
    }

    /// <summary>How many GPUs this machine has.</summary>
    internal int Count()
    {
        uint count;
        Require("nvmlDeviceGetCount", ((delegate* unmanaged<uint*, int>)Function("nvmlDeviceGetCount_v2"))(&count));
        return checked((int)count);
    }

    internal nint Device(int index)
    {
        nint device;
        Require("nvmlDeviceGetHandleByIndex", ((delegate* unmanaged<uint, nint*, int>)Function("nvmlDeviceGetHandleByIndex_v2"))((uint)index, &device));
        return device;
    }

    /// <summary>What the driver says of confidential computing: <c>on</c>, <c>off</c>, or <c>devtools</c>, in which the host can look inside. A driver or a GPU that does not know it has it off.</summary>
    internal string Mode()
    {
        if (!NativeLibrary.TryGetExport(library, "nvmlSystemGetConfComputeState", out var function)) return "off";
        var state = stackalloc uint[3]; // environment, ccFeature, devToolsMode
        var result = ((delegate* unmanaged<uint*, int>)function)(state);
        if (result == NotSupported) return "off";
        Require("nvmlSystemGetConfComputeState", result);
        return state[1] == 0 ? "off" : state[2] == 0 ? "on" : "devtools";
    }

    /// <summary>The device's SPDM report over a nonce: request and response.</summary>
    internal byte[] Report(nint device, ReadOnlySpan<byte> nonce)
    {
        if (nonce.Length != NonceSizeInBytes) throw new ArgumentException($"a nonce has {NonceSizeInBytes} bytes", nameof(nonce));
        const int sizes = 3 * sizeof(uint); // is there a report of the board, size of the report, size of the board's
        var structure = new byte[sizes + NonceSizeInBytes + ReportSize + BoardReportSize];
        nonce.CopyTo(structure.AsSpan(sizes));
        Fill("nvmlDeviceGetConfComputeGpuAttestationReport", device, structure);
        return Part(structure, sizeAt: sizeof(uint), sizes + NonceSizeInBytes, ReportSize);
    }

    /// <summary>The device's certificates, PEM, leaf first.</summary>
    internal byte[] Certificates(nint device)
    {
        const int sizes = 2 * sizeof(uint); // of the device's chain, of the attestation key's
        var structure = new byte[sizes + DeviceChain + AttestationChain];
        Fill("nvmlDeviceGetConfComputeGpuCertificate", device, structure);
        return Part(structure, sizeAt: sizeof(uint), sizes + DeviceChain, AttestationChain);
    }

    public void Dispose()
    {
        _ = ((delegate* unmanaged<int>)Function("nvmlShutdown"))();
        NativeLibrary.Free(library);
    }

    private void Fill(string name, nint device, byte[] structure)
    {
        fixed (byte* filled = structure) Require(name, ((delegate* unmanaged<nint, byte*, int>)Function(name))(device, filled));
    }

    /// <summary>The library says how much of an array it filled: never more than there is.</summary>
    private static byte[] Part(byte[] structure, int sizeAt, int start, int room)
    {
        var size = BitConverter.IsLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(structure.AsSpan(sizeAt)) : BinaryPrimitives.ReadUInt32BigEndian(structure.AsSpan(sizeAt));
        return size > 0 && size <= room ? structure.AsSpan(start, (int)size).ToArray() : throw new UnavailableException($"{Library} says that it wrote {size} bytes where {room} fit");
    }

    private nint Function(string name) =>
        NativeLibrary.TryGetExport(library, name, out var function) ? function : throw new UnavailableException($"{Library} has no {name}: the driver is older than 535");

    private static void Require(string name, int result)
    {
        if (result != 0) throw Failure(name, result);
    }

    private static UnavailableException Failure(string name, int result) => new($"the GPUs' driver refuses {name} with {result}");
}
