using Strongroom.Bytes;
using Strongroom.Enclave.Loader;
using Strongroom.Enclave.Memory;
using Strongroom.Weights.Models;

namespace Strongroom.System.Tests.Enclave;

/// <summary>A tiny model opened in this process as the enclave opens it, for tests of what comes after.</summary>
internal sealed class OpenedModel : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("opened-model-").FullName;

    public OpenedModel(bool speechless = false)
    {
        Sealed = TinyModel.Seal(directory, speechless: speechless);
        Memory = new(MemoryKind.Locked);
        using var keys = Secret.CopyOf(Sealed.FileKeys);
        Llama = LlamaModel.Load(SealedModel.Prepare(directory, [Sealed.Publisher.PublicKey], Memory).Open(keys, null, checkTree: true, _ => { }, CancellationToken.None), 1);
    }

    public TinyModel Sealed { get; }

    public ProtectedMemory Memory { get; }

    public LlamaModel Llama { get; }

    public void Dispose()
    {
        Llama.Dispose();
        Memory.Dispose();
        Sealed.Dispose();
        Directory.Delete(directory, recursive: true);
    }
}
