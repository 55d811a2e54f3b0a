using Strongroom.Attestation.Cose;
using Strongroom.Bytes;
using Strongroom.Enclave.Native;

namespace Strongroom.Enclave.Evidence;

/// <summary>The attestation documents of a Nitro enclave, from the Nitro Secure Module behind <c>/dev/nsm</c>. spec/collect.md.</summary>
public sealed class NitroModule
{
    /// <summary>Where Linux has it in an enclave.</summary>
    public const string Place = "/dev/nsm";

    private readonly Func<ReadOnlyMemory<byte>, byte[]> exchange;

    public NitroModule() : this(request => Nsm.Exchange(Place, request.Span))
    {
    }

    /// <param name="exchange">A CBOR message to the module, and its answer.</param>
    internal NitroModule(Func<ReadOnlyMemory<byte>, byte[]> exchange) => this.exchange = exchange;

    public static bool IsPresent => File.Exists(Place);

    /// <summary>A document that carries these bytes as <c>user_data</c>, and neither a nonce nor a key.</summary>
    /// <param name="userData">At most 512 bytes.</param>
    /// <returns>COSE_Sign1 as the module made it.</returns>
    /// <exception cref="UnavailableException">There is no module, or it refused.</exception>
    /// <exception cref="MalformedException">Its answer is none.</exception>
    public byte[] Attest(ReadOnlyMemory<byte> userData)
    {
        // members in the order in which AWS's own library writes them
        var request = new CborWriter().Map(1).Text("Attestation").Map(3).Text("user_data").Bytes(userData.Span).Text("nonce").Null().Text("public_key").Null();
        var answer = CborItem.Parse(exchange(request.ToArray()), CborForm.AnyOrder);
        if (answer.Map("the module's answer") is not [var (_, said)]) throw new MalformedException(0, "the module's answer is a map of one member");
        if (answer.Find("Error") is not null) throw new UnavailableException($"the Nitro Secure Module refuses: {said.Text("Error")}");
        if (answer.Find("Attestation") is null || said.Map("Attestation") is not [var (_, document)] || said.Find("document") is null)
            throw new MalformedException(0, "the module's answer is no attestation");
        return document.Bytes("document").ToArray();
    }
}
