using System.Security.Cryptography;
using Strongroom.Attestation.Appraisal;

namespace Strongroom.Attestation.Dcap;

/// <summary>One quote under appraisal: what every step of it needs, and how a step reports (ids are the kind, a dot, and the step of spec/evidence-tdx-sgx.md).</summary>
internal sealed class QuoteAppraisal(string kind, Quote quote, QuotePolicy policy, AppraisalRequest request, Findings findings, Collateral collateral, CertificatePaths paths, P256Keys keys)
{
    public Quote Quote => quote;

    public QuotePolicy Policy => policy;

    public Findings Findings => findings;

    public Collateral Collateral => collateral;

    public CertificatePaths Paths => paths;

    public DateTimeOffset At => request.At;

    /// <summary>Since it was issued, or collected by somebody whom the caller trusts.</summary>
    public TimeSpan AgeOf(DateTimeOffset issued) => request.Endorsements.AgeOf(issued, At);

    public TimeSpan MaxAge => TimeSpan.FromDays(policy.MaxEndorsementAgeDays);

    public TimeSpan MaxRootListAge => TimeSpan.FromDays(policy.MaxRootListAgeDays);

    public string Id(string step) => $"{kind}.{step}";

    public bool Check(string step, string what, bool holds, string? detail = null, CheckGroup group = CheckGroup.Always) => findings.Check(Id(step), what, holds, detail, group);

    public bool Same(string step, string what, ReadOnlySpan<byte> expected, ReadOnlySpan<byte> found, CheckGroup group = CheckGroup.Always) => findings.Same(Id(step), what, expected, found, group);

    public bool Missing(string step, string what, string endorsement, CheckGroup group = CheckGroup.Always) => findings.Missing(Id(step), what, endorsement, group);

    public void Skip(string step, string what, string why) => findings.Skip(Id(step), what, why);

    /// <summary>A value must be one of those that the policy lists; where it lists none, any will do and the caller is told.</summary>
    public void Among(string step, string name, IReadOnlyList<string>? wanted, ReadOnlySpan<byte> found, bool tell = true)
    {
        var what = $"{name} is one of those that the policy lists";
        var hex = Convert.ToHexStringLower(found);
        if (wanted is not null) Check(step, what, wanted.Contains(hex), $"expected {string.Join(" or ", wanted)}, found {hex}");
        else Skip(step, what, "the policy lists none");
        if (wanted is null && tell) findings.NotChecked($"whether {name} {hex} is a wanted one");
    }

    public void Uses(string what, DateTimeOffset issued, DateTimeOffset expires) => findings.Uses(new(what, issued, expires));

    /// <summary>See <see cref="P256Keys"/>.</summary>
    public bool IsSigned(ReadOnlyMemory<byte> data, ReadOnlyMemory<byte> signature, ECPoint key) => keys.IsSigned(data.Span, signature.Span, key);
}
