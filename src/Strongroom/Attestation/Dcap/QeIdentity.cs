using System.Buffers.Binary;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Dcap;

/// <summary>What Intel says of its quoting enclave: <c>enclaveIdentity</c> of the PCS API, version 2, <c>QE</c> for SGX and <c>TD_QE</c> for TDX.</summary>
internal sealed record QeIdentity(SignedJson Json, string Id, int Version, DateTimeOffset IssueDate, DateTimeOffset NextUpdate, int EvaluationDataNumber)
    : IntelSigned(Json, Id, Version, IssueDate, NextUpdate, EvaluationDataNumber)
{
    public required uint MiscSelect { get; init; }

    public required uint MiscSelectMask { get; init; }

    public required ReadOnlyMemory<byte> Attributes { get; init; }

    public required ReadOnlyMemory<byte> AttributesMask { get; init; }

    public required ReadOnlyMemory<byte> MrSigner { get; init; }

    public required int IsvProductId { get; init; }

    /// <summary>Highest first.</summary>
    public required IReadOnlyList<ModuleLevel> Levels { get; init; }

    public bool HasMiscSelect(EnclaveReport report) => (report.MiscSelect & MiscSelectMask) == MiscSelect;

    public bool HasAttributes(EnclaveReport report)
    {
        var same = true;
        for (var i = 0; i < 16; i++) same &= (report.Attributes[i] & AttributesMask.Span[i]) == Attributes.Span[i];
        return same;
    }

    /// <exception cref="MalformedException">Not of Intel's form.</exception>
    public static QeIdentity Parse(SignedJson json) => json.Read(root =>
    {
        var version = root.GetProperty("version").GetInt32();
        if (version != 2) throw new MalformedException(-1, $"identities of enclaves have version 2, not {version}");
        return new QeIdentity(json, SignedJson.Text(root, "id"), version, SignedJson.Time(root, "issueDate"), SignedJson.Time(root, "nextUpdate"), root.GetProperty("tcbEvaluationDataNumber").GetInt32())
        {
            // The PCS writes the four bytes of MISCSELECT in the order in which they lie in the report.
            MiscSelect = BinaryPrimitives.ReadUInt32LittleEndian(SignedJson.Hex(root, "miscselect", 4)),
            MiscSelectMask = BinaryPrimitives.ReadUInt32LittleEndian(SignedJson.Hex(root, "miscselectMask", 4)),
            Attributes = SignedJson.Hex(root, "attributes", 16),
            AttributesMask = SignedJson.Hex(root, "attributesMask", 16),
            MrSigner = SignedJson.Hex(root, "mrsigner", 32),
            IsvProductId = SignedJson.Svn(root, "isvprodid", ushort.MaxValue),
            Levels = ModuleLevel.Read(root, ushort.MaxValue),
        };
    });
}

/// <summary>
/// Who Intel's quoting enclaves are, for an appraisal whose TCB checks were left out by name: then no identity says how current one is, but a quoting enclave of somebody
/// else, with a key that a genuine platform certified, would still vouch for anything. These two measurements have been the same since the enclaves exist; both stand in every
/// enclave identity of https://api.trustedservices.intel.com/sgx/certification/v4/qe/identity and .../tdx/certification/v4/qe/identity.
/// </summary>
internal sealed record KnownQe(ReadOnlyMemory<byte> MrSigner, int IsvProductId)
{
    public static KnownQe Of(Tee tee) => tee == Tee.Sgx
        ? new(Convert.FromHexString("8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff"), 1)
        : new(Convert.FromHexString("dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5"), 2);
}
