using Strongroom.Bytes;

namespace Strongroom.Ledger;

/// <summary>What a store keeps of its head: size and signed checkpoint.</summary>
public sealed record StoredHead(long Size, string Checkpoint);

/// <summary>Bytes kept beside the ledger under their SHA-256.</summary>
public sealed record LedgerBlob(Digest Digest, ReadOnlyMemory<byte> Bytes);

/// <summary>One entry as it is stored, with the hashes of the subtrees that it completes: its leaf hash, then one for each level above.</summary>
public sealed record LedgerLeaf(long Index, ReadOnlyMemory<byte> Entry, IReadOnlyList<Digest> Hashes);

/// <summary>One durable step from a head to the next.</summary>
/// <param name="Before">The head that must be found; null when the store must be new.</param>
/// <param name="After">The head that replaces it; it is being signed while the entries are written.</param>
/// <param name="Leaves">The entries between the two, in order.</param>
/// <param name="Blobs">Some may be there already.</param>
public sealed record LedgerCommit(StoredHead? Before, Task<StoredHead> After, IReadOnlyList<LedgerLeaf> Leaves, IReadOnlyList<LedgerBlob> Blobs);

/// <summary>Nothing was appended: the disk is full, or another entry was first. State folded ahead of the ledger must be folded anew from it.</summary>
public sealed class AppendFailedException(string what, Exception? cause = null) : Exception(what, cause);

/// <summary>Some of a blob.</summary>
/// <param name="Length">Of the whole blob, in bytes.</param>
/// <param name="Bytes">The piece.</param>
public sealed record BlobPiece(int Length, ReadOnlyMemory<byte> Bytes);
