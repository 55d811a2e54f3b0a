using Strongroom.Attestation;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation;

/// <summary>What a parser refuses by its own rule, not because something after it happens to fail.</summary>
public sealed class TpmBoundsTests
{
    private static readonly byte[] Key = AttestationKey.Template.ToBytes(); // size, then type at 2, name algorithm at 4, attributes at 6

    [Fact]
    public void Evidence_longer_than_anyone_reads_is_not_read() => Assert.Equal(EvidenceVerifier.MaxSizeInBytes, Assert.Throws<MalformedException>(() =>
        EvidenceVerifier.For("none").Verify(new byte[EvidenceVerifier.MaxSizeInBytes + 1], TestTpm.MachineOf(AttestationKey.Template), TestTpm.Transcript, TestTpm.Start, TestTpm.Now)).Offset);

    [Fact]
    public void An_event_log_longer_than_anyone_reads_is_not_read() =>
        Assert.Equal(EventLog.MaxSizeInBytes, Assert.Throws<MalformedException>(() => EventLog.Parse(new byte[EventLog.MaxSizeInBytes + 1])).Offset);

    [Fact]
    public void An_event_log_has_1_to_8_algorithms_and_SHA_256_among_them()
    {
        Assert.Empty(EventLog.Parse(Header(0x0B)).Events);
        Assert.Empty(EventLog.Parse(Header(0x0B, 1, 2, 3, 4, 5, 6, 7)).Events);
        foreach (var log in new[] { Header(), Header(0x0B, 1, 2, 3, 4, 5, 6, 7, 8), Header(0x04, 0x0C), Header(0x0B, 0x0B) }) Assert.Throws<MalformedException>(() => EventLog.Parse(log));
    }

    [Theory]
    [InlineData(0), InlineData(33)]
    public void A_credentials_secret_has_1_to_32_bytes(int length) =>
        Assert.Throws<ArgumentException>(() => TpmCredential.Make(EndorsementKey.EccTemplate, [], new byte[length]));

    [Theory]
    [InlineData(3, 0x08)] // TPM_ALG_KEYEDHASH
    [InlineData(9, 0x01)] // a reserved attribute
    [InlineData(6, 0x80)]
    public void A_key_of_another_type_or_with_a_reserved_attribute_is_refused(int at, byte bits)
    {
        Assert.Equal(Key, TpmPublic.Parse(Key).ToBytes());
        byte[] other = [.. Key];
        other[at] = at == 3 ? bits : (byte)(other[at] | bits);
        Assert.Throws<MalformedException>(() => TpmPublic.Parse(other));
    }

    [Theory]
    [InlineData(1024), InlineData(2047), InlineData(8192)]
    public void An_RSA_key_of_another_size_is_refused(int bits) =>
        Assert.Throws<MalformedException>(() => TpmPublic.Parse(TpmPublic.Rsa(default, default, hasAes128: false, TpmAlgorithm.RsaSsa, bits).ToBytes()));

    [Fact]
    public void A_signature_of_another_scheme_is_refused()
    {
        Assert.Equal(TpmAlgorithm.RsaSsa, TpmSignature.Parse([0x00, 0x14, 0x00, 0x0B, 0x00, 0x01, 0xFF]).Scheme);
        foreach (byte scheme in new byte[] { 0x05, 0x10, 0x1A }) Assert.Throws<MalformedException>(() => TpmSignature.Parse([0x00, scheme, 0x00, 0x0B, 0x00, 0x01, 0xFF]));
    }

    private static byte[] Header(params IReadOnlyList<ushort> algorithms)
    {
        var header = new ByteWriter().Bytes("Spec ID Event03\0"u8).Bytes(new byte[8]).U32Little((uint)algorithms.Count);
        foreach (var algorithm in algorithms) header.Bytes([(byte)algorithm, (byte)(algorithm >> 8), 32, 0]);
        header.U8(0);
        return new ByteWriter().U32Little(0).U32Little(3).Bytes(new byte[20]).U32Little((uint)header.Length).Bytes(header.Written).ToArray();
    }
}
