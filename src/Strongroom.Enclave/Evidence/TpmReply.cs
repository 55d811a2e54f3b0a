using Strongroom.Bytes;

namespace Strongroom.Enclave.Evidence;

/// <summary>One entry of a command's authorisation area (TPM 2.0 part 1, section 19): a password that is empty, or a policy session.</summary>
internal readonly record struct TpmAuthorization(uint Handle, bool Continue)
{
    internal static readonly TpmAuthorization Password = new(0x40000009, Continue: false); // TPM_RS_PW

    internal static byte[] Area(ReadOnlySpan<TpmAuthorization> authorizations)
    {
        var area = new ByteWriter();
        foreach (var one in authorizations) area.U32(one.Handle).U16(0).U8(one.Continue ? (byte)1 : (byte)0).U16(0);
        return new ByteWriter().U32((uint)area.Length).Bytes(area.Written).ToArray();
    }
}

/// <summary>A response (TPM 2.0 part 1, section 18): code 0, a handle where the command makes one, and the parameters.</summary>
internal sealed record TpmReply(uint Handle, byte[] Parameters)
{
    private const int MaxSizeInBytes = 4096;

    internal static ushort Tag(bool hasSessions) => hasSessions ? (ushort)0x8002 : (ushort)0x8001;

    /// <exception cref="UnavailableException">The TPM refused.</exception>
    internal static TpmReply Parse(string command, ReadOnlySpan<byte> response, bool hasSessions, bool hasHandle)
    {
        var reader = new ByteReader(response);
        var tag = reader.U16("tag");
        if (reader.U32("size") != response.Length || response.Length > MaxSizeInBytes) throw new MalformedException(2, "the TPM's answer has another size than it says");
        var code = reader.U32("response code");
        if (code != 0) throw new UnavailableException($"the TPM refused {command} with code 0x{code:x3}");
        if (tag != Tag(hasSessions)) throw new MalformedException(0, "the TPM's answer has another tag than its command");
        var handle = hasHandle ? reader.U32("handle") : 0;
        var size = hasSessions ? reader.U32("size of the parameters") : (uint)reader.Remaining;
        return new(handle, reader.Bytes(size <= MaxSizeInBytes ? (int)size : -1, "parameters").ToArray());
    }
}
