using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Strongroom.Bytes;
using Strongroom.Crypto;

namespace Strongroom.Facts;

/// <summary>What a person wants to have written. Every human write is one of these, signed (spec/records.md, Commands).</summary>
/// <param name="Ledger">Origin of the ledger that it is meant for: a signature for one ledger says nothing in another.</param>
/// <param name="Id">32 lower-case hexadecimal digits, random, never used again: a command is written once.</param>
/// <param name="By">The signer's person id.</param>
/// <param name="At">The signer's clock; the broker accepts it within <see cref="ClockWindow"/> of its own.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type", UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization)]
[JsonDerivedType(typeof(ProposeChange), "trust/propose.v1")]
[JsonDerivedType(typeof(ApproveChange), "trust/approve.v1")]
[JsonDerivedType(typeof(RefuseChange), "trust/refuse.v1")]
[JsonDerivedType(typeof(AddModel), "model/add.v1")]
[JsonDerivedType(typeof(EnrolMachine), "machine/enrol.v1")]
[JsonDerivedType(typeof(RetireMachine), "machine/retire.v1")]
[JsonDerivedType(typeof(RecordEndorsements), "endorsements/record.v1")]
[JsonDerivedType(typeof(OpenRequest), "request/open.v1")]
[JsonDerivedType(typeof(Approval), "approval.v1")]
[JsonDerivedType(typeof(Revoke), "revoke.v1")]
public abstract record Command(string Ledger, string Id, string By, DateTimeOffset At)
{
    /// <summary>How far a signer's clock may differ from the broker's.</summary>
    public static readonly TimeSpan ClockWindow = TimeSpan.FromMinutes(5);

    public static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    public byte[] ToBytes() => CanonicalJson.Serialize(this, FactsJson.Default.Command);

    /// <summary>SHA-256 of the canonical JSON. For a request this is the digest that approvers sign, for a proposal the one that its approver signs.</summary>
    public Digest Digest() => Bytes.Digest.Of(ToBytes());
}

/// <summary>A command and the Ed25519 signature of the person it names, 64 bytes over <c>strongroom/command/v1</c>, a line feed and the canonical JSON.</summary>
public sealed record SignedCommand(Command Command, ReadOnlyMemory<byte> Signature)
{
    public static SignedCommand Sign(Command command, Ed25519PrivateKey key)
    {
        ArgumentNullException.ThrowIfNull(command);
        ArgumentNullException.ThrowIfNull(key);
        return new(command, key.Sign(ToBeSigned(command)));
    }

    /// <summary>True if <paramref name="key"/> made this signature of this command. Says nothing about whose key that is, nor of what the command may do.</summary>
    public bool IsSignedBy(Ed25519PublicKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Verify(ToBeSigned(Command), Signature.Span);
    }

    public byte[] ToBytes() => CanonicalJson.Serialize(this, FactsJson.Default.SignedCommand);

    private static byte[] ToBeSigned(Command command) => [.. "strongroom/command/v1\n"u8, .. command.ToBytes()];
}
