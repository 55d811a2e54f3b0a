using System.Text;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Tests.Ledger;

public sealed class MerkleTreeTests
{
    private const int Sizes = 40;

    private static readonly Digest[] Leaves = [.. Enumerable.Range(0, Sizes).Select(i => MerkleTree.LeafHash([(byte)i]))];

    /// <summary>The eight leaves and roots that implementations of RFC 6962 have shared since Certificate Transparency began.</summary>
    [Fact]
    public void The_roots_are_those_of_certificate_transparency()
    {
        string[] leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        string[] roots =
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        var edge = new TreeEdge();
        Assert.Equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", edge.Root.ToString());
        for (var i = 0; i < leaves.Length; i++)
        {
            edge.Append(MerkleTree.LeafHash(Convert.FromHexString(leaves[i])));
            Assert.Equal(roots[i], edge.Root.ToString());
        }
    }

    [Fact]
    public void The_root_is_that_of_the_definition()
    {
        for (var size = 0; size <= Sizes; size++) Assert.Equal(Definition(0, size), Root(size));
    }

    [Fact]
    public void A_proof_holds_for_its_leaf_and_for_nothing_else()
    {
        for (var size = 1; size <= Sizes; size++)
        {
            var root = Root(size);
            for (var index = 0; index < size; index++)
            {
                List<Digest> proof = [.. TreeRange.Inclusion(index, size).Select(Hash)];
                for (var other = 0; other < Sizes; other++)
                {
                    Assert.Equal(other == index, MerkleTree.Includes(root, size, index, Leaves[other], proof));
                    if (other != index) Assert.False(MerkleTree.Includes(root, size, other, Leaves[index], proof));
                }
                Assert.False(MerkleTree.Includes(root, size, index, Leaves[index], [.. proof, root]));
                if (proof.Count == 0) continue;
                Assert.False(MerkleTree.Includes(root, size, index, Leaves[index], proof[..^1]));
                for (var i = 0; i < proof.Count; i++) Assert.False(MerkleTree.Includes(root, size, index, Leaves[index], Changed(proof, i)));
            }
        }
    }

    [Fact]
    public void A_tree_extends_each_of_its_beginnings_and_no_other()
    {
        for (var size = 0; size <= Sizes; size++)
        {
            for (var old = 0; old <= size; old++)
            {
                List<Digest> proof = [.. TreeRange.Consistency(old, size).Select(Hash)];
                Assert.True(MerkleTree.Extends(old, Root(old), size, Root(size), proof));
                Assert.False(MerkleTree.Extends(old, Digest.Of([1]), size, Root(size), proof));
                Assert.False(MerkleTree.Extends(old, Root(old), size, Digest.Of([1]), proof) && old > 0);
                Assert.False(MerkleTree.Extends(old, Root(old), size, Root(size), [.. proof, Root(size)]));
                if (old > 0 && old < size) Assert.False(MerkleTree.Extends(old - 1, Root(old - 1), size, Root(size), proof) && old > 1);
                if (old < size) Assert.False(MerkleTree.Extends(size, Root(size), old, Root(old), proof));
                for (var i = 0; i < proof.Count; i++) Assert.False(MerkleTree.Extends(old, Root(old), size, Root(size), Changed(proof, i)));
                if (proof.Count > 0) Assert.False(MerkleTree.Extends(old, Root(old), size, Root(size), proof[..^1]));
            }
        }
    }

    [Fact]
    public void Sizes_that_no_tree_has_prove_nothing()
    {
        Assert.False(MerkleTree.Includes(Leaves[0], 1, -1, Leaves[0], []));
        Assert.False(MerkleTree.Includes(Leaves[0], 0, 0, Leaves[0], []));
        Assert.False(MerkleTree.Includes(Leaves[0], -1, 0, Leaves[0], []));
        Assert.False(MerkleTree.Extends(-1, MerkleTree.EmptyRoot, 1, Leaves[0], []));
        Assert.False(MerkleTree.Includes(Leaves[0], long.MaxValue, long.MaxValue - 1, Leaves[0], [.. Enumerable.Repeat(Leaves[1], 63)]));
    }

    [Fact]
    public void A_leaf_is_never_an_inner_node() =>
        Assert.NotEqual(MerkleTree.NodeHash(Leaves[0], Leaves[1]), MerkleTree.LeafHash([.. Leaves[0].Span, .. Leaves[1].Span]));

    /// <summary>An example of C2SP tlog-tiles.</summary>
    [Fact]
    public void A_tree_of_70000_has_the_tiles_of_the_specification()
    {
        var tiles = TilePath.Of(70_000).ToLookup(tile => (tile.Level, tile.Width));
        Assert.Equal(273, tiles[(0, 256)].Count());
        Assert.Equal(273, tiles[(null, 256)].Count());
        Assert.Equal("tile/0/273.p/112", tiles[(0, 112)].Single().ToString());
        Assert.Equal("tile/entries/273.p/112", tiles[(null, 112)].Single().ToString());
        Assert.Equal("tile/1/000", tiles[(1, 256)].Single().ToString());
        Assert.Equal("tile/1/001.p/17", tiles[(1, 17)].Single().ToString());
        Assert.Equal("tile/2/000.p/1", tiles[(2, 1)].Single().ToString());
        Assert.Equal("tile/0/000", TilePath.Of(256).First(tile => tile.Level == 0).ToString());
    }

    [Theory]
    [InlineData("tile/0/000", 0, 0, 256)]
    [InlineData("tile/2/x001/x234/067.p/255", 2, 1_234_067, 255)]
    [InlineData("tile/entries/x001/000.p/1", null, 1000, 1)]
    public void A_tile_has_one_name(string path, int? level, long index, int width)
    {
        Assert.Equal(new TilePath(level, index, width), TilePath.Parse(path));
        Assert.Equal(path, TilePath.Parse(path).ToString());
    }

    [Theory]
    [InlineData("tile/0/0")]
    [InlineData("tile/0/0000")]
    [InlineData("tile/00/000")]
    [InlineData("tile/6/000")]
    [InlineData("tile/64/000")]
    [InlineData("tile/-1/000")]
    [InlineData("tile/0/x000/001")]
    [InlineData("tile/0/001/002")]
    [InlineData("tile/0/000.p/0")]
    [InlineData("tile/0/000.p/256")]
    [InlineData("tile/0/000.p/01")]
    [InlineData("tile/0/000.p")]
    [InlineData("tile/0/000/")]
    [InlineData("tile/0/../checkpoint")]
    [InlineData("tile/0/x999/x999/x999/x999/x999/x999/999")]
    [InlineData("tile/5/256")]
    [InlineData("tile/data/000")]
    [InlineData("tile/entries")]
    public void Another_name_is_refused(string path) => Assert.Throws<MalformedException>(() => TilePath.Parse(path));

    private static Digest Root(int size) => Hash(new(0, size));

    private static Digest Hash(TreeRange range)
    {
        var edge = new TreeEdge();
        foreach (var leaf in Leaves[(int)range.From..(int)range.To]) edge.Append(leaf);
        return edge.Root;
    }

    /// <summary>RFC 6962 section 2.1, word for word.</summary>
    private static Digest Definition(int from, int to)
    {
        if (to == from) return Digest.Of([]);
        if (to - from == 1) return Leaves[from];
        var k = 1;
        while (2 * k < to - from) k *= 2;
        return MerkleTree.NodeHash(Definition(from, from + k), Definition(from + k, to));
    }

    private static List<Digest> Changed(List<Digest> proof, int at)
    {
        List<Digest> changed = [.. proof];
        changed[at] = Digest.Of(Encoding.ASCII.GetBytes("changed"));
        return changed;
    }
}
