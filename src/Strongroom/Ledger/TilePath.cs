using System.Globalization;
using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>Names a tile of hashes or a bundle of entries: <c>tile/L/N[.p/W]</c>, <c>tile/entries/N[.p/W]</c> (C2SP tlog-tiles).</summary>
/// <param name="Level">0 for leaf hashes, each further level 256 times as wide; null for a bundle of entries.</param>
/// <param name="Index">Which tile of its level.</param>
/// <param name="Width">Hashes or entries in it: 256, or fewer in a partial one.</param>
public sealed record TilePath(int? Level, long Index, int Width = TilePath.FullWidth)
{
    public const int FullWidth = 256;

    /// <summary>Levels of the binary tree in one level of tiles.</summary>
    public const int Height = 8;

    // 2^48 entries: more than any ledger will have, and no index computed from a path can overflow.
    private const int MaxLevel = 5;

    /// <summary>The subtrees whose hashes the tile holds, or the leaves whose entries the bundle holds.</summary>
    public IReadOnlyList<TreeNode> Nodes => [.. Enumerable.Range(0, Width).Select(i => new TreeNode(Height * (Level ?? 0), Index * FullWidth + i))];

    /// <summary>Every tile and bundle of a tree, bundles first, then level by level.</summary>
    public static IEnumerable<TilePath> Of(long size)
    {
        foreach (var level in Enumerable.Range(-1, MaxLevel + 2).Select(level => level < 0 ? (int?)null : level))
        {
            var hashes = size >> (Height * (level ?? 0));
            for (var index = 0L; index * FullWidth < hashes; index++) yield return new(level, index, (int)Math.Min(FullWidth, hashes - index * FullWidth));
        }
    }

    /// <exception cref="MalformedException">Any other spelling.</exception>
    public static TilePath Parse(string path)
    {
        var parts = path.Split('/');
        if (parts.Length < 3 || parts[0] != "tile") throw new MalformedException(-1, "a tile is named tile/LEVEL/INDEX");
        int? level = parts[1] == "entries" ? null : (int)Math.Min(MaxLevel + 1, OneSpelling.Decimal(parts[1], "the level"));
        if (level > MaxLevel) throw new MalformedException(-1, $"tiles have levels 0 to {MaxLevel}");
        var partial = parts.Length > 3 && parts[^2].EndsWith(".p", StringComparison.Ordinal);
        var width = partial ? OneSpelling.Decimal(parts[^1], "the width") : FullWidth;
        if (partial && width is < 1 or >= FullWidth) throw new MalformedException(-1, "a partial tile has 1 to 255 hashes");
        var index = parts[2..(partial ? ^1 : ^0)];
        if (partial) index[^1] = index[^1][..^2];
        var tile = new TilePath(level, ParseIndex(index), (int)width);
        if (tile.Index >> (Height * (MaxLevel - (level ?? 0))) != 0) throw new MalformedException(-1, "no ledger has a tile of that index");
        return tile.ToString() == path ? tile : throw new MalformedException(-1, "the tile's index has another spelling");
    }

    public override string ToString()
    {
        var level = Level is { } number ? number.ToString(CultureInfo.InvariantCulture) : "entries";
        var index = (Index % 1000).ToString("d3", CultureInfo.InvariantCulture);
        for (var rest = Index / 1000; rest > 0; rest /= 1000) index = $"x{rest % 1000:d3}/{index}";
        return Width == FullWidth ? $"tile/{level}/{index}" : $"tile/{level}/{index}.p/{Width}";
    }

    private static long ParseIndex(string[] parts)
    {
        var digits = string.Concat(parts.Select(part => part.TrimStart('x')));
        if (digits.Length > 18 || !long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
            throw new MalformedException(-1, "the tile's index is not a number of three-digit parts");
        return index;
    }
}
