using System.Runtime.InteropServices;

namespace Strongroom.System.Tests.Enclave;

/// <summary>
/// libcrypto's multiplication by the generator and nothing around it: what checks a key on its way in costs twenty times as much, and an attacker who
/// tries a hundred thousand numbers leaves it out.
/// </summary>
internal static unsafe partial class P256
{
    private const string Library = "libcrypto.so.3";
    private const int Prime256v1 = 415; // NID_X9_62_prime256v1
    private static readonly nint Group = EC_GROUP_new_by_curve_name(Prime256v1);

    /// <param name="number">32 bytes, the highest first.</param>
    /// <returns>The x coordinate, 32 bytes; empty where the number gives no point.</returns>
    public static byte[] TimesGenerator(byte[] number)
    {
        nint scalar, point = EC_POINT_new(Group), x = BN_new();
        fixed (byte* bytes = number) scalar = BN_bin2bn(bytes, number.Length, 0);
        try
        {
            var result = new byte[32];
            if (EC_POINT_mul(Group, point, scalar, 0, 0, 0) != 1 || EC_POINT_get_affine_coordinates(Group, point, x, 0, 0) != 1) return [];
            fixed (byte* bytes = result) return BN_bn2binpad(x, bytes, result.Length) == result.Length ? result : [];
        }
        finally
        {
            BN_free(scalar);
            BN_free(x);
            EC_POINT_free(point);
        }
    }

    [LibraryImport(Library)]
    private static partial nint EC_GROUP_new_by_curve_name(int curve);

    [LibraryImport(Library)]
    private static partial nint EC_POINT_new(nint group);

    [LibraryImport(Library)]
    private static partial void EC_POINT_free(nint point);

    [LibraryImport(Library)]
    private static partial int EC_POINT_mul(nint group, nint result, nint generatorTimes, nint point, nint times, nint context);

    [LibraryImport(Library)]
    private static partial int EC_POINT_get_affine_coordinates(nint group, nint point, nint x, nint y, nint context);

    [LibraryImport(Library)]
    private static partial nint BN_new();

    [LibraryImport(Library)]
    private static partial void BN_free(nint number);

    [LibraryImport(Library)]
    private static partial nint BN_bin2bn(byte* bytes, int length, nint into);

    [LibraryImport(Library)]
    private static partial int BN_bn2binpad(nint number, byte* bytes, int length);
}
