using System.Runtime.InteropServices;
using System.Text;
using Strongroom.Weights.Formats;

namespace Strongroom.Tests.Weights;

/// <summary>Files in unmanaged memory, as the enclave's loader hands them to the engine.</summary>
internal sealed unsafe class NativeFiles : IDisposable
{
    private readonly List<ModelFile> files = [];

    public IReadOnlyList<ModelFile> All => files;

    public static NativeFiles Read(params (string Name, string Path)[] sources)
    {
        var files = new NativeFiles();
        foreach (var (name, path) in sources) files.Add(name, File.ReadAllBytes(path));
        return files;
    }

    public static NativeFiles Folder(string path) => Read([.. Directory.GetFiles(path).Select(file => (Path.GetFileName(file), file))]);

    public ModelFile Add(string name, ReadOnlySpan<byte> content)
    {
        var memory = (byte*)NativeMemory.Alloc((nuint)Math.Max(1, content.Length));
        content.CopyTo(new Span<byte>(memory, content.Length));
        files.Add(new(name, (nint)memory, content.Length));
        return files[^1];
    }

    public ModelFile Add(string name, string content) => Add(name, Encoding.UTF8.GetBytes(content));

    public void Dispose()
    {
        foreach (var file in files) NativeMemory.Free((void*)file.Address);
        files.Clear();
    }
}
