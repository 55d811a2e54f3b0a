using Strongroom.Attestation.Cose;
using Strongroom.Enclave.Evidence;
using Strongroom.Tests.Attestation.Nitro;

namespace Strongroom.System.Tests.Collect;

/// <summary>The Nitro Secure Module behind its device: reads requests as strictly as it can, and answers with documents of the test vendor.</summary>
internal sealed class SimulatedNsm(NitroVendor vendor)
{
    public NitroModule Module => new(Answer);

    public byte[] Answer(ReadOnlyMemory<byte> request)
    {
        var asked = CborItem.Parse(request, CborForm.AnyOrder);
        if (asked.Find("Attestation") is not { } wanted || wanted.Entries.Count != 3) return new CborWriter().Map(1).Text("Error").Text("InvalidOperation").ToArray();
        var document = vendor.Document(draft => (draft.UserData, draft.Nonce, draft.PublicKey) = (Given("user_data"), Given("nonce"), Given("public_key")));
        return new CborWriter().Map(1).Text("Attestation").Map(1).Text("document").Bytes(document).ToArray();

        byte[]? Given(string name) => wanted.Find(name)! is { IsNull: false } value ? value.Bytes(name).ToArray() : null;
    }
}
