using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Tpm;

/// <summary>
/// A way from an endorsement certificate to a recorded root that was found and checked. Of what it rests on only the roots on record and the time can
/// change, and asking after those is cheap; the certificates and their signatures stay what they are.
/// </summary>
/// <param name="Root">SHA-256 of the root's DER.</param>
/// <param name="From">When the last of the certificates begins to be valid.</param>
/// <param name="Until">When the first of them ends; at that instant it has.</param>
internal sealed record EndorsementPath(Digest Root, DateTimeOffset From, DateTimeOffset Until)
{
    internal static EndorsementPath Of(X509ChainElementCollection chain) =>
        new(Digest.Of(chain[^1].Certificate.RawData), chain.Max(element => element.Certificate.NotBefore), chain.Min(element => element.Certificate.NotAfter));

    /// <summary>False means that it has to be looked for again: there may be another.</summary>
    /// <param name="roots">DER.</param>
    internal bool Holds(IEnumerable<ReadOnlyMemory<byte>> roots, DateTimeOffset now) => From <= now && now < Until && roots.Any(root => Digest.Of(root.Span) == Root);
}
