using System.Text;
using Strongroom.Crypto;

namespace Strongroom.Ledger;

/// <summary>A ledger's signing key: Ed25519 over the text of a note (C2SP signed-note, type 0x01). The caller owns and disposes the key.</summary>
public sealed class NoteSigner(Ed25519PrivateKey key, string name)
{
    public VerifierKey Verifier { get; } = new(name, NoteAlgorithm.Ed25519, key.PublicKey);

    /// <param name="text">Ends in a newline.</param>
    public SignedNote Sign(string text)
    {
        if (!text.EndsWith('\n')) throw new ArgumentException("a note's text ends in a newline", nameof(text));
        return new(text, [new(Verifier.Name, Verifier.KeyId, key.Sign(Encoding.UTF8.GetBytes(text)))]);
    }
}
