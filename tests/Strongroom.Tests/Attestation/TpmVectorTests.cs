using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation;

/// <summary>Real machines: logs of their firmware, and quotes that their TPMs signed.</summary>
public sealed class TpmVectorTests
{
    /// <summary>The expected value is SHA-256 over PCRs 0 to 7 as these machines' TPMs held them, published beside the logs.</summary>
    [Theory]
    [InlineData("rhel8-uefi", "322b07a200e8f26799724537987ff10f3f6d598d63ad1ad4218db17e44c7f0ec")]
    [InlineData("ubuntu-1804-amd-sev", "049c9bc2a6db83c42c7178fffb52c028a411473d1ed6156fe05f9324d4c7c42a")]
    [InlineData("ubuntu-2104-no-dbx", "6781e6f3955aa1428bb0b1b5af499e17aaf76b75c900ae095e7ab4d4fd9183ae")]
    [InlineData("ubuntu-2104-no-secure-boot", "786e53c856a223cd5772f917274ddddb2881772debc97bc29e0b0ab66161cec9")]
    [InlineData("glinux-alex", "a5279d7d95213b3b9cc49b5e44ab9afffc0b139a09c9bdc3c9fc1f8f169b5921")]
    [InlineData("arch-linux-workstation", "18165aec383ad72f0becbdcee8cfbc6ac5b9a6646d290a98cf3285b69272ed64")]
    public void A_real_log_leads_to_the_registers_of_its_machine(string name, string expected)
    {
        var log = EventLog.Parse(File.ReadAllBytes(SharedFiles.Require($"vectors/eventlog/tcg/{name}.bin")));
        Assert.Equal(Digest.Parse(expected), Digest.Of([.. log.Replay().Take(8).SelectMany(value => value.Span.ToArray())]));
    }

    [Fact]
    public void Every_real_crypto_agile_log_parses_and_the_SHA_1_log_is_refused()
    {
        foreach (var file in Directory.EnumerateFiles(SharedFiles.Require("vectors/eventlog/tcg"), "*.bin"))
        {
            if (Path.GetFileName(file) == "debian-10.bin") Assert.Throws<MalformedException>(() => EventLog.Parse(File.ReadAllBytes(file)));
            else Assert.NotEmpty(EventLog.Parse(File.ReadAllBytes(file)).Events);
        }
    }

    [Fact]
    public void A_real_quote_says_what_its_readme_says()
    {
        var bytes = File.ReadAllBytes(SharedFiles.Require("vectors/tpm/tpm_quote_sample.bin"));
        var quote = TpmQuote.Parse(bytes);
        Assert.Equal([0x12, 0x34, 0x56, 0x78], quote.ExtraData.ToArray());
        Assert.Equal((16u, 0u, true), (quote.ResetCount, quote.RestartCount, quote.Safe));
        Assert.Equal([0, 1, 2], Assert.Single(quote.Selections).Pcrs);
        Assert.Equal(bytes, quote.ToBytes());
    }

    [Fact]
    public void A_real_quote_is_refused_at_every_truncation()
    {
        var bytes = File.ReadAllBytes(SharedFiles.Require("vectors/tpm/tpm_quote_sample.bin"));
        for (var length = 0; length < bytes.Length; length++) Assert.Throws<MalformedException>(() => TpmQuote.Parse(bytes.AsSpan(0, length)));
        Assert.Throws<MalformedException>(() => TpmQuote.Parse((byte[])[.. bytes, 0]));
    }

    [Fact]
    public void A_real_machines_quotes_are_signed_and_its_log_leads_to_the_quoted_registers()
    {
        var attestation = Fields(File.ReadAllBytes(SharedFiles.Require("vectors/tpm/gce-cos-85-no-nonce.pb")));
        var area = attestation.Single(field => field.Number == 1).Bytes;
        var key = TpmPublic.Parse(new ByteWriter().Sized16(area).Written);
        Assert.Equal(area, key.ToBytes()[2..]);
        Assert.Empty(AttestationKey.Refusals(key));

        var replayed = EventLog.Parse(attestation.Single(field => field.Number == 3).Bytes).Replay();
        var banks = new List<ushort>();
        foreach (var parts in attestation.Where(field => field.Number == 2).Select(field => Fields(field.Bytes)))
        {
            var bytes = parts.Single(field => field.Number == 1).Bytes;
            var quote = TpmQuote.Parse(bytes);
            var signature = TpmSignature.Parse(parts.Single(field => field.Number == 2).Bytes);
            Assert.Equal(bytes, quote.ToBytes());
            Assert.True(key.Verifies(bytes, signature));
            bytes[^1] ^= 1;
            Assert.False(key.Verifies(bytes, signature));
            banks.Add(Assert.Single(quote.Selections).Bank);
            if (banks[^1] != (ushort)TpmAlgorithm.Sha256) continue;

            var values = Fields(parts.Single(field => field.Number == 3).Bytes).Where(field => field.Number == 2).Select(field => Fields(field.Bytes))
                .ToDictionary(entry => entry.SingleOrDefault(field => field.Number == 1).Value, entry => Digest.From(entry.Single(field => field.Number == 2).Bytes));
            Assert.Equal(quote.PcrDigest.ToArray(), signature.Hash.Hash([.. quote.Selections[0].Pcrs.SelectMany(pcr => values[(ulong)pcr].Span.ToArray())]));
            for (var pcr = 0; pcr < 8; pcr++) Assert.Equal(values[(ulong)pcr], replayed[pcr]);
            Assert.Equal(AttestationKey.QualifiedName(key), quote.QualifiedSigner.ToArray());
        }
        Assert.Equal<ushort>([0x0004, 0x000B, 0x000C], [.. banks.Order()]);
    }

    /// <summary>The fields of a protocol buffer, as far as this file uses them: numbers and bytes.</summary>
    private static List<(int Number, ulong Value, byte[] Bytes)> Fields(ReadOnlySpan<byte> message)
    {
        var fields = new List<(int, ulong, byte[])>();
        for (var at = 0; at < message.Length;)
        {
            var key = Number(message, ref at);
            var value = Number(message, ref at);
            if ((key & 7) == 0)
            {
                fields.Add(((int)(key >> 3), value, []));
                continue;
            }
            Assert.Equal(2ul, key & 7);
            fields.Add(((int)(key >> 3), 0, message.Slice(at, (int)value).ToArray()));
            at += (int)value;
        }
        return fields;
    }

    private static ulong Number(ReadOnlySpan<byte> message, ref int at)
    {
        var value = 0ul;
        for (var shift = 0; ; shift += 7)
        {
            value |= (ulong)(message[at] & 127) << shift;
            if (message[at++] < 128) return value;
        }
    }
}
