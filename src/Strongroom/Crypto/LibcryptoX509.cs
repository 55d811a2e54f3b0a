using System.Runtime.InteropServices;

namespace Strongroom.Crypto;

/// <summary>openssl/x509.h of OpenSSL 3.</summary>
internal static unsafe partial class Libcrypto
{
    [LibraryImport(Name)]
    internal static partial nint d2i_PUBKEY(nint* key, byte** der, nint length);

    [LibraryImport(Name)]
    internal static partial int i2d_PUBKEY(nint key, byte** der);
}
