using System.Globalization;
using Strongroom.Attestation.Corim;
using Strongroom.Bytes;

namespace Strongroom.Facts;

/// <summary>That a set of reference values expects what a signed CoRIM says: asked by the proposer's client, the broker, the approver's client and the auditor, of the same bytes.</summary>
public static class CorimRules
{
    /// <summary>Room for some thousands of values; what is larger is no list that two people read.</summary>
    public const int MaxSizeInBytes = 256 * 1024;

    /// <summary>The CoRIM's values for machines of this kind, and where they are from.</summary>
    /// <param name="signer">DER SubjectPublicKeyInfo of an EC key.</param>
    /// <param name="product">sev-snp: as <see cref="CorimClaims.Of"/>.</param>
    /// <exception cref="RefusedException">Another key signed it, it is out of its time, or it says what cannot be expected of a claim.</exception>
    /// <exception cref="MalformedException">It is none.</exception>
    public static (CorimSource Source, IReadOnlyDictionary<string, string> Values) Read(ReadOnlyMemory<byte> corim, ReadOnlyMemory<byte> signer, string kind, string? product, DateTimeOffset now)
    {
        if (corim.Length > MaxSizeInBytes) throw new MalformedException(MaxSizeInBytes, $"a CoRIM has {MaxSizeInBytes} bytes at most");
        CorimVerdict verdict;
        try
        {
            verdict = SignedCorim.Verify(new(corim, now) { Signers = [signer], Profiles = CorimClaims.Profiles });
        }
        catch (ArgumentException e)
        {
            throw new MalformedException(-1, e.Message); // the signer's key is none
        }
        var values = verdict.Values ?? throw new RefusedException([.. verdict.Failures.Select(check => $"{check.Id} {check.What}{(check.Detail is null ? "" : $": {check.Detail}")}")]);
        var tags = values.Tags.ToDictionary(tag => tag.Id, tag => new CorimTagVersion(Version(tag.Version), tag.Digest));
        return (new(Digest.Of(corim.Span), signer, tags), CorimClaims.Of(values, kind, product));
    }

    /// <summary>Every reason why the set does not expect what the CoRIM that it names says; empty if it does.</summary>
    public static IReadOnlyList<string> Refusals(SetReference set, CorimSource named, ReadOnlyMemory<byte> corim, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(set);
        ArgumentNullException.ThrowIfNull(named);
        try
        {
            var (source, values) = Read(corim, named.Signer, set.Kind, set.Values.GetValueOrDefault("product"), now);
            return
            [
                .. source.Tags.OrderBy(tag => tag.Key, StringComparer.Ordinal).SequenceEqual(named.Tags.OrderBy(tag => tag.Key, StringComparer.Ordinal)) ? [] : (string[])["the CoRIM has other tags than the set names"],
                .. values.Where(value => set.Values.GetValueOrDefault(value.Key) != value.Value).Select(value => $"the CoRIM says {value.Value} of {value.Key}, and the set says {set.Values.GetValueOrDefault(value.Key) ?? "nothing"}"),
            ];
        }
        catch (RefusedException e)
        {
            return e.Reasons;
        }
        catch (MalformedException e)
        {
            return [$"the CoRIM cannot be read: {e.Message}"];
        }
    }

    private static long Version(ulong version) => version <= CanonicalJson.MaxInteger ? (long)version
        : throw new RefusedException($"a tag of version {version.ToString(CultureInfo.InvariantCulture)} cannot be recorded");
}
