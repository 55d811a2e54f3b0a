namespace Strongroom.Attestation.Snp;

/// <summary>A product line of AMD: its own root key, its own layout of TCB versions.</summary>
internal enum SnpProduct
{
    Milan,
    Genoa,
    Turin,
}

internal static class SnpProducts
{
    /// <summary>The line of a processor by the family and model that reports carry since version 3; null for one that is not known. Bergamo and Siena are of Genoa's line.</summary>
    public static SnpProduct? Of(byte family, byte model) => (family, model) switch
    {
        (0x19, <= 0x0F) => SnpProduct.Milan,
        (0x19, >= 0x10 and <= 0x1F or >= 0xA0 and <= 0xAF) => SnpProduct.Genoa,
        (0x1A, <= 0x11) => SnpProduct.Turin,
        _ => null,
    };

    /// <summary>The line of a product name as key certificates have it: <c>Milan-B0</c> of a chip, <c>Milan</c> of a provider.</summary>
    public static SnpProduct? Of(string name)
    {
        var line = name.Split('-') switch { [var only] => only, [var first, { Length: 2 }] => first, _ => "" };
        return Enum.GetValues<SnpProduct>().Cast<SnpProduct?>().FirstOrDefault(each => each.ToString() == line);
    }

    /// <summary>The pinned root, as <see cref="Appraisal.VendorRoots"/> names it.</summary>
    public static string Root(this SnpProduct product) => $"amd/{product}";
}
