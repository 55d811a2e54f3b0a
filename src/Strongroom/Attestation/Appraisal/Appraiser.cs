using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;

namespace Strongroom.Attestation.Appraisal;

/// <summary>
/// Appraises one kind of evidence, complete and offline: every check of spec/evidence-verdict.md, each with its result. Safe for concurrent use; certificate
/// paths that were found good are remembered.
/// </summary>
public abstract class Appraiser
{
    /// <summary>Longest evidence that is looked at, in bytes.</summary>
    public const int MaxSizeInBytes = 16 * 1024 * 1024;

    private protected Appraiser()
    {
    }

    /// <summary>The kinds of evidence that can be appraised.</summary>
    public static IReadOnlyList<string> Kinds { get; } = [.. All(VendorRoots.Pinned).Select(each => each.Kind)];

    /// <summary>The kind's name, as in <c>--kind</c>.</summary>
    public abstract string Kind { get; }

    /// <summary>The appraiser of a kind; null when there is none.</summary>
    public static Appraiser? For(string kind) => For(kind, VendorRoots.Pinned);

    /// <summary>The appraiser that takes these bytes for its kind; null when none or more than one does.</summary>
    public static Appraiser? Recognise(ReadOnlySpan<byte> evidence)
    {
        List<Appraiser> takers = [];
        foreach (var each in All(VendorRoots.Pinned))
        {
            if (!each.Recognises(evidence)) continue;
            if (each is Composite.CompositeAppraiser) return each; // whose parts are evidence too
            takers.Add(each);
        }
        return takers is [var only] ? only : null;
    }

    internal static Appraiser? For(string kind, VendorRoots roots) => All(roots).SingleOrDefault(each => each.Kind == kind);

    /// <exception cref="MalformedException">The bytes are no evidence of this kind, or the policy is none.</exception>
    public AttestationResult Appraise(AppraisalRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Without.Contains(CheckGroup.Always)) throw new ArgumentException("only a named group of checks can be left out", nameof(request));
        if (request.Evidence.Length > MaxSizeInBytes) throw new MalformedException(MaxSizeInBytes, $"evidence has {MaxSizeInBytes} bytes at most");
        if (request.ReportData is { IsEmpty: true } || request.Nonce is { IsEmpty: true }) throw new ArgumentException("an empty challenge is none: evidence that answers nobody would answer it", nameof(request));
        RequireNoNulls(request.Policy.Span);
        var findings = new Findings(Kind, request.At, request.Without);
        if (request.ReportData is null && request.Nonce is null && !request.Without.Contains(CheckGroup.Binding))
            throw new ArgumentException("evidence that answers no challenge of one's own may be a copy: give report data or a nonce, or leave the binding out by name", nameof(request));
        try
        {
            AppraiseCore(request, findings);
        }
        catch (CryptographicException e)
        {
            // Names, times, keys and extensions of a certificate are decoded when they are asked for, long after it was loaded.
            throw new MalformedException(-1, $"a certificate or key cannot be read: {e.Message}");
        }
        return findings.Result();
    }

    /// <summary>Every field decoded, for people; nothing of it is verified.</summary>
    /// <exception cref="MalformedException">The bytes are no evidence of this kind.</exception>
    public abstract IReadOnlyList<EvidenceField> Show(ReadOnlyMemory<byte> evidence);

    /// <summary>The strict built-in policy, as JSON with every member at its default.</summary>
    public abstract JsonObject StrictPolicy();

    /// <summary>Whether the bytes look like this kind, by their first bytes, length or form. Must not throw.</summary>
    private protected abstract bool Recognises(ReadOnlySpan<byte> evidence);

    private protected abstract void AppraiseCore(AppraisalRequest request, Findings findings);

    /// <summary>A null in a list or below a member means nothing and would be taken for no wish. Whether the rest is a policy, its kind says.</summary>
    private static void RequireNoNulls(ReadOnlySpan<byte> policy)
    {
        try
        {
            var reader = new Utf8JsonReader(policy, new JsonReaderOptions { MaxDepth = 16 });
            while (!policy.IsEmpty && reader.Read())
            {
                if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.String) reader.GetString(); // text that is no Unicode is noticed only here
                if (reader.TokenType == JsonTokenType.Null && reader.CurrentDepth > 1) throw new MalformedException(reader.TokenStartIndex, "a null inside a member of a policy means nothing: leave it out");
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new MalformedException(-1, $"no policy: {e.Message}");
        }
    }

    private static IEnumerable<Appraiser> All(VendorRoots roots) =>
    [
        new Composite.CompositeAppraiser(roots), // spec/evidence-composite.md
        new Nitro.NitroAppraiser(roots), // spec/evidence-nitro.md
        new Dcap.SgxAppraiser(roots), // spec/evidence-tdx-sgx.md
        new Dcap.TdxAppraiser(roots), // spec/evidence-tdx-sgx.md
        new TpmAppraiser(), // spec/evidence-tpm.md
        new Snp.SnpAppraiser(roots), // spec/evidence-sev-snp.md
        new Nvidia.NvidiaAppraiser(Nvidia.NvidiaKind.Gpu, roots), // spec/evidence-nvidia.md
        new Nvidia.NvidiaAppraiser(Nvidia.NvidiaKind.Switch, roots), // spec/evidence-nvidia.md
    ];
}

/// <summary>A field of evidence in words.</summary>
/// <param name="Name">As the vendor's specification names it.</param>
/// <param name="Value">Decoded.</param>
/// <param name="Meaning">What it says, and what would make it dangerous.</param>
/// <param name="Danger">True where this value is the dangerous one.</param>
/// <param name="Policy">The policy members, options and checks that notice when it changes; null where nothing does.</param>
/// <param name="Covered">Whether the evidence's own signature covers it; who it comes from is told by that and by nothing else.</param>
public sealed record EvidenceField(string Name, string Value, string Meaning, bool Danger = false, string? Policy = null, bool Covered = true);
