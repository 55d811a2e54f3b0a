using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Tests.Ledger;

/// <summary>Proofs on the wire: whose only fault is their own form, not the checkpoint under them.</summary>
public sealed class ProofFormTests
{
    private static readonly string Head = TestKeys.Signer("example.com/ledger").Sign(new Checkpoint("example.com/ledger", 1, MerkleTree.EmptyRoot).Text).ToString();
    private static readonly string Hash = Convert.ToBase64String(new byte[32]) + "\n";

    [Fact]
    public void A_proof_has_63_hashes_at_most()
    {
        foreach (var front in new[] { "old 0\n", "c2sp.org/tlog-proof@v1\nindex 0\n" })
        {
            var (longest, longer) = (front + string.Concat(Enumerable.Repeat(Hash, 63)) + "\n" + Head, front + string.Concat(Enumerable.Repeat(Hash, 64)) + "\n" + Head);
            if (front[0] == 'o') Assert.Equal(63, AddCheckpoint.Parse(longest).Proof.Count);
            else Assert.Equal(63, LedgerProof.Parse(longest).Hashes.Count);
            Assert.Throws<MalformedException>(() => front[0] == 'o' ? (object)AddCheckpoint.Parse(longer) : LedgerProof.Parse(longer));
        }
    }

    [Theory]
    [InlineData("OLD 0\n\n"), InlineData("new 0\n\n"), InlineData("old 0\n"), InlineData("")]
    public void A_request_begins_with_its_old_size(string front) => Assert.Throws<MalformedException>(() => AddCheckpoint.Parse(front + Head));

    [Theory]
    [InlineData(""), InlineData("c2sp.org/tlog-proof@v1"), InlineData("old 0")]
    public void Without_a_blank_line_there_is_neither(string text)
    {
        Assert.Throws<MalformedException>(() => AddCheckpoint.Parse(text));
        Assert.Throws<MalformedException>(() => LedgerProof.Parse(text));
    }
}
