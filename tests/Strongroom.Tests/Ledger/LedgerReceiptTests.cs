using System.Text;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Tests.Ledger;

/// <summary>What an enclave must refuse before it believes that its release was logged.</summary>
public sealed class LedgerReceiptTests
{
    private const string Origin = "example.com/ledger";

    private readonly NoteSigner signer = TestKeys.Signer(Origin);
    private readonly Cosigner first = new(TestKeys.Key("w1"), "witness.example/1");
    private readonly Cosigner second = new(TestKeys.Key("w2"), "witness.example/2");
    private readonly byte[] entry = Encoding.ASCII.GetBytes("entry");
    private readonly Checkpoint checkpoint = new(Origin, 1, MerkleTree.LeafHash("entry"u8));

    private LedgerTrust Trust => new(Origin, signer.Verifier, [first.Verifier, second.Verifier]);

    [Fact]
    public void Accepts_an_entry_that_is_logged_signed_and_cosigned()
    {
        var receipt = LedgerReceipt.Check(entry, Proof(Cosigned(first, second)), Trust);
        Assert.Equal(0, receipt.Index);
        Assert.Equal(MerkleTree.LeafHash(entry), receipt.LeafHash);
        Assert.Equal(["witness.example/1", "witness.example/2"], receipt.Cosignatures.Select(each => each.Witness));
    }

    [Fact]
    public void Rejects_an_entry_that_is_not_the_logged_one() => Rejects("does not have this one", Proof(Cosigned(first, second)), Encoding.ASCII.GetBytes("Entry"));

    [Fact]
    public void Rejects_another_index() => Rejects("at index 1", new LedgerProof(1, [], Cosigned(first, second)).ToString());

    [Fact]
    public void Rejects_a_checkpoint_of_another_origin() => Rejects("it is of example.com/other", Proof(Cosigned(TestKeys.Signer("example.com/other"), checkpoint with { Origin = "example.com/other" }, first, second)));

    [Fact]
    public void Rejects_the_right_key_under_another_origin() => Rejects("it is of example.com/other", Proof(Cosigned(signer, checkpoint with { Origin = "example.com/other" }, first, second)));

    [Fact]
    public void Rejects_a_checkpoint_signed_by_another_key_of_the_same_name() =>
        Rejects($"{Origin} has not signed it", Proof(Cosigned(new NoteSigner(TestKeys.Key("somebody"), Origin), checkpoint, first, second)));

    [Fact]
    public void Rejects_a_checkpoint_with_a_forged_signature()
    {
        var forged = new SignedNote(checkpoint.Text, [new(Origin, signer.Verifier.KeyId, new byte[64]), first.Cosign(checkpoint, Now), second.Cosign(checkpoint, Now)]);
        Rejects($"the signature of {Origin} is wrong", Proof(forged));
    }

    [Fact]
    public void Rejects_a_missing_cosignature() => Rejects("witness.example/2 has not signed it", Proof(Cosigned(first)));

    [Fact]
    public void Rejects_one_witness_counted_twice() => Rejects("2 signatures by witness.example/1", Proof(Cosigned(first, first)));

    [Fact]
    public void Rejects_a_cosignature_of_another_checkpoint()
    {
        var other = second.Cosign(checkpoint with { Size = 2 }, Now);
        Rejects("the signature of witness.example/2 is wrong", Proof(signer.Sign(checkpoint.Text).With([first.Cosign(checkpoint, Now), other])));
    }

    [Fact]
    public void Rejects_a_cosignature_with_another_time()
    {
        var line = second.Cosign(checkpoint, Now);
        var bytes = line.Bytes.ToArray();
        bytes[7] ^= 1;
        Rejects("the signature of witness.example/2 is wrong", Proof(signer.Sign(checkpoint.Text).With([first.Cosign(checkpoint, Now), new(line.Name, line.KeyId, bytes)])));
    }

    [Fact]
    public void Rejects_a_plain_signature_in_place_of_a_cosignature()
    {
        var plain = new NoteSigner(TestKeys.Key("w2"), "witness.example/2").Sign(checkpoint.Text).Signatures;
        Rejects("witness.example/2 has not signed it", Proof(signer.Sign(checkpoint.Text).With([first.Cosign(checkpoint, Now), .. plain])));
    }

    [Fact]
    public void No_bit_of_a_proof_can_change()
    {
        var proof = Encoding.UTF8.GetBytes(Proof(Cosigned(first, second)));
        for (var i = 0; i < proof.Length * 8; i++)
        {
            proof[i / 8] ^= (byte)(1 << (i % 8));
            Assert.False(Convinces(Encoding.UTF8.GetString(proof)), $"bit {i}");
            proof[i / 8] ^= (byte)(1 << (i % 8));
        }
        Assert.True(Convinces(Encoding.UTF8.GetString(proof)));
    }

    [Theory]
    [InlineData("c2sp.org/tlog-proof@v2\nindex 0\n\n")]
    [InlineData("c2sp.org/tlog-proof@v1\nextra AA==\nindex 0\n\n")]
    [InlineData("c2sp.org/tlog-proof@v1\nindex 00\n\n")]
    [InlineData("c2sp.org/tlog-proof@v1\nindex 0 \n\n")]
    [InlineData("c2sp.org/tlog-proof@v1\nindex 9223372036854775808\n\n")]
    [InlineData("c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n")]
    [InlineData("c2sp.org/tlog-proof@v1\n\n")]
    [InlineData("")]
    public void Another_form_of_proof_is_malformed(string head) => Assert.Throws<MalformedException>(() => LedgerReceipt.Check(entry, head + Cosigned(first, second), Trust));

    [Theory]
    [InlineData("example.com/ledger\n1\n")]
    [InlineData("example.com/ledger\n01\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")]
    [InlineData("example.com/ledger\n-1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")]
    [InlineData("example.com/ledger\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\n")]
    [InlineData("example.com/ledger\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nextension\n")]
    [InlineData("\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")]
    public void Another_form_of_checkpoint_is_malformed(string text) => Assert.Throws<MalformedException>(() => Checkpoint.Parse(text));

    [Fact]
    public void A_reader_must_pin_a_witness_and_keep_all_keys_apart()
    {
        Assert.Throws<MalformedException>(() => new LedgerTrust(Origin, signer.Verifier, []));
        Assert.Throws<MalformedException>(() => new LedgerTrust(Origin, signer.Verifier, [first.Verifier, first.Verifier]));
        Assert.Throws<MalformedException>(() => new LedgerTrust(Origin, signer.Verifier, [signer.Verifier]));
        Assert.Throws<MalformedException>(() => new LedgerTrust(Origin, first.Verifier, [second.Verifier]));
        Assert.Throws<MalformedException>(() => new LedgerTrust("example.com/other", signer.Verifier, [first.Verifier]));
        Assert.Throws<MalformedException>(() => new LedgerTrust(Origin, signer.Verifier, [new Cosigner(TestKeys.Key(Origin), "witness.example/self").Verifier]));
    }

    private static DateTimeOffset Now => DateTimeOffset.UnixEpoch.AddDays(20_000);

    private SignedNote Cosigned(params IReadOnlyList<Cosigner> by) => Cosigned(signer, checkpoint, by);

    private static SignedNote Cosigned(NoteSigner signer, Checkpoint checkpoint, params IReadOnlyList<Cosigner> by) =>
        signer.Sign(checkpoint.Text).With(by.Select(each => each.Cosign(checkpoint, Now)));

    private static string Proof(SignedNote head) => new LedgerProof(0, [], head).ToString();

    private void Rejects(string reason, string proof, byte[]? of = null) =>
        Assert.Contains(reason, Assert.Throws<RefusedException>(() => LedgerReceipt.Check(of ?? entry, proof, Trust)).Message, StringComparison.Ordinal);

    private bool Convinces(string proof)
    {
        try
        {
            return LedgerReceipt.Check(entry, proof, Trust).Index == 0;
        }
        catch (Exception e) when (e is RefusedException or MalformedException)
        {
            return false;
        }
    }
}
