using System.Net.Sockets;
using System.Security.Cryptography;
using Strongroom.Attestation;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;

namespace Strongroom.Enclave.Evidence;

/// <summary>
/// The dozen TPM 2.0 commands that evidence needs, over the kernel's resource manager or the socket of a software TPM. Authorisation values are empty:
/// what these commands do needs no secret of ours, and what protects the quote is the key that never leaves the TPM.
/// </summary>
public sealed class TpmDevice : IDisposable
{
    /// <summary>Where a machine with a TPM has it.</summary>
    public const string Default = "device:/dev/tpmrm0";

    /// <summary>Index of the maker's certificate for the RSA 2048 endorsement key (TCG EK Credential Profile, section 2.2.1.4).</summary>
    public const uint RsaCertificate = 0x01C00002;

    /// <summary>Index of the one for the ECC P-256 endorsement key.</summary>
    public const uint EccCertificate = 0x01C0000A;

    private const uint Endorsement = 0x4000000B;
    private const int ReadChunk = 512;

    private readonly TpmTransport transport;

    private TpmDevice(TpmTransport transport) => this.transport = transport;

    /// <summary>True for a software TPM, which protects nothing: whoever runs it can copy it.</summary>
    public bool IsSoftware => transport.IsSocket;

    /// <param name="address">
    /// <c>device:/dev/tpmrm0</c>; or, for rehearsals, swtpm's command socket, <c>swtpm:HOST:PORT</c> or <c>swtpm:unix:PATH</c>.
    /// </param>
    /// <exception cref="UnavailableException">Nothing answers there.</exception>
    /// <exception cref="UsageException">The address has none of these forms.</exception>
    public static TpmDevice Open(string address)
    {
        try
        {
            var device = new TpmDevice(TpmTransport.Open(address));
            if (device.IsSoftware) device.FlushLeftovers();
            return device;
        }
        catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException)
        {
            throw new UnavailableException($"no TPM answers at {address} ({e.Message.TrimEnd('.')}); is it switched on in the firmware, or, for a rehearsal, is swtpm running?", e);
        }
    }

    /// <summary>A primary key of the endorsement hierarchy: the same template gives the same key for as long as the TPM keeps its seed.</summary>
    public TpmKey CreatePrimary(TpmPublic template)
    {
        var sensitive = new ByteWriter().U16(0).U16(0).ToArray();
        var reply = Execute("CreatePrimary", 0x131, [Endorsement], [TpmAuthorization.Password],
            new ByteWriter().Sized16(sensitive).Bytes(template.ToBytes()).U16(0).U32(0), hasHandle: true);
        var reader = new ByteReader(reply.Parameters);
        return new(this, reply.Handle, TpmPublic.Parse(new ByteWriter().Sized16(reader.Sized16("public area")).Written));
    }

    /// <summary>The secret of a credential made for these two keys.</summary>
    /// <exception cref="UnavailableException">Also when the credential was made for other keys.</exception>
    public Secret ActivateCredential(TpmKey attestation, TpmKey endorsement, TpmCredential credential)
    {
        var session = StartPolicySession();
        try
        {
            // PolicyA of the endorsement key: authorised by the hierarchy's authorisation, which is empty
            Execute("PolicySecret", 0x151, [Endorsement, session], [TpmAuthorization.Password], new ByteWriter().U16(0).U16(0).U16(0).U32(0));
            var reply = Execute("ActivateCredential", 0x147, [attestation.Handle, endorsement.Handle], [TpmAuthorization.Password, new(session, Continue: true)],
                new ByteWriter().Bytes(credential.IdObject).Bytes(credential.EncryptedSeed));
            var reader = new ByteReader(reply.Parameters);
            var secret = Secret.CopyOf(reader.Sized16("secret", TpmCredential.MaxSecretInBytes));
            CryptographicOperations.ZeroMemory(reply.Parameters);
            return secret;
        }
        finally
        {
            Flush(session);
        }
    }

    /// <summary>Extends the SHA-256 bank: new = SHA-256(old || measurement).</summary>
    public void ExtendPcr(int pcr, Digest measurement) =>
        Execute("PCR_Extend", 0x182, [(uint)pcr], [TpmAuthorization.Password], new ByteWriter().U32(1).U16((ushort)TpmAlgorithm.Sha256).Bytes(measurement.Span));

    /// <summary>The SHA-256 values of these PCRs.</summary>
    /// <exception cref="UnavailableException">Also when the TPM has no SHA-256 bank.</exception>
    public SortedDictionary<int, Digest> ReadPcrs(IReadOnlyList<int> pcrs)
    {
        var values = new SortedDictionary<int, Digest>();
        while (values.Count < pcrs.Count)
        {
            var wanted = new PcrSelection((ushort)TpmAlgorithm.Sha256, [.. pcrs.Except(values.Keys).Order()]);
            var reader = new ByteReader(Execute("PCR_Read", 0x17E, [], [], Selection(wanted)).Parameters);
            reader.U32("update counter");
            if (reader.U32("selections") != 1) throw new UnavailableException("the TPM has no SHA-256 bank");
            var read = PcrSelection.Read(ref reader); // at most eight at a time: the TPM says which ones these are
            if (reader.U32("digests") != read.Pcrs.Count || read.Pcrs.Count == 0) throw new UnavailableException("the TPM has no SHA-256 bank");
            foreach (var pcr in read.Pcrs) values.Add(pcr, Digest.From(reader.Sized16("value")));
        }
        return values;
    }

    /// <summary>TPMS_ATTEST over these PCRs and this data, and TPMT_SIGNATURE over it.</summary>
    public (byte[] Quote, byte[] Signature) Quote(TpmKey key, IReadOnlyList<int> pcrs, ReadOnlySpan<byte> data)
    {
        var parameters = new ByteWriter().Sized16(data).U16((ushort)TpmAlgorithm.Null).Bytes(Selection(new((ushort)TpmAlgorithm.Sha256, pcrs)).Written);
        var reader = new ByteReader(Execute("Quote", 0x158, [key.Handle], [TpmAuthorization.Password], parameters).Parameters);
        var quote = reader.Sized16("quote").ToArray();
        return (quote, reader.Bytes(reader.Remaining, "signature").ToArray());
    }

    /// <summary>The content of an NV index that anyone may read; null when there is no such index.</summary>
    public byte[]? ReadNv(uint index)
    {
        if (!Handles(index, 1).Contains(index)) return null;
        var reader = new ByteReader(Execute("NV_ReadPublic", 0x169, [index], [], new()).Parameters);
        var area = reader.Sized16("NV public area");
        if (area.Length < 2) throw new MalformedException(-1, "the TPM's NV index has no public area");
        var size = area[^2] << 8 | area[^1];
        var content = new ByteWriter();
        while (content.Length < size)
        {
            var wanted = Math.Min(ReadChunk, size - content.Length);
            var chunk = Execute("NV_Read", 0x14E, [index, index], [TpmAuthorization.Password], new ByteWriter().U16((ushort)wanted).U16((ushort)content.Length));
            var read = new ByteReader(chunk.Parameters).Sized16("NV content", ReadChunk);
            if (read.Length != wanted) throw new MalformedException(-1, $"the TPM gave {read.Length} bytes of an NV index, {wanted} were asked for"); // none at all would go on for ever
            content.Bytes(read);
        }
        return content.ToArray();
    }

    /// <summary>Whether the TPM's clock is certain not to have gone back; a TPM that lost power is not, until some seconds or minutes have passed.</summary>
    public bool IsClockSafe()
    {
        var reader = new ByteReader(Execute("ReadClock", 0x181, [], [], new()).Parameters);
        reader.Bytes(8 + 8 + 4 + 4, "time, clock and counters");
        return reader.U8("safe") == 1;
    }

    public void Dispose() => transport.Dispose();

    /// <summary>What an operating system says before the power goes: TPM2_Shutdown(TPM_SU_CLEAR).</summary>
    internal void Shutdown() => Execute("Shutdown", 0x145, [], [], new ByteWriter().U16(0));

    internal void Flush(uint handle) => Execute("FlushContext", 0x165, [], [], new ByteWriter().U32(handle));

    /// <exception cref="UnavailableException">The TPM refused the command, or is gone.</exception>
    /// <exception cref="MalformedException">Its answer is no answer.</exception>
    internal TpmReply Execute(string name, uint code, ReadOnlySpan<uint> handles, ReadOnlySpan<TpmAuthorization> authorizations, ByteWriter parameters, bool hasHandle = false)
    {
        var body = new ByteWriter();
        foreach (var handle in handles) body.U32(handle);
        if (authorizations.Length > 0) body.Bytes(TpmAuthorization.Area(authorizations));
        body.Bytes(parameters.Written);
        var command = new ByteWriter().U16(TpmReply.Tag(authorizations.Length > 0)).U32((uint)(10 + body.Length)).U32(code).Bytes(body.Written);
        try
        {
            return TpmReply.Parse(name, transport.Exchange(command.Written), authorizations.Length > 0, hasHandle);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new UnavailableException($"the TPM went away during {name}: {e.Message}", e);
        }
    }

    private uint StartPolicySession() => Execute("StartAuthSession", 0x176, [0x40000007, 0x40000007], [],
        new ByteWriter().Sized16(RandomNumberGenerator.GetBytes(32)).U16(0).U8(1).U16((ushort)TpmAlgorithm.Null).U16((ushort)TpmAlgorithm.Sha256), hasHandle: true).Handle;

    /// <summary>Handles at or above <paramref name="first"/>, TPM2_GetCapability(TPM_CAP_HANDLES).</summary>
    private List<uint> Handles(uint first, uint count)
    {
        var reader = new ByteReader(Execute("GetCapability", 0x17A, [], [], new ByteWriter().U32(1).U32(first).U32(count)).Parameters);
        reader.U8("more");
        reader.U32("capability");
        var handles = new List<uint>();
        for (var left = reader.U32("number of handles"); left > 0; left--) handles.Add(reader.U32("handle"));
        return handles;
    }

    /// <summary>A software TPM has no resource manager: what a killed process left in it would fill it up.</summary>
    private void FlushLeftovers()
    {
        foreach (var handle in Handles(0x80000000, 16).Concat(Handles(0x02000000, 16)).Concat(Handles(0x03000000, 16)).Distinct())
        {
            if (handle >> 24 is 0x80 or 0x02 or 0x03) Flush(handle);
        }
    }

    private static ByteWriter Selection(PcrSelection selection) =>
        new ByteWriter().U32(1).U16(selection.Bank).U8(PcrSelection.BitmapInBytes).Bytes(selection.Bitmap());
}

/// <summary>A key that is loaded; leaves the TPM when disposed.</summary>
public sealed record TpmKey(TpmDevice Device, uint Handle, TpmPublic Public) : IDisposable
{
    public void Dispose() => Device.Flush(Handle);
}
