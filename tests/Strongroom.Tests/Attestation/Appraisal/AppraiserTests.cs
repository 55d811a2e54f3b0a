using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Appraisal;

public sealed class AppraiserTests
{
    [Fact]
    public void A_certificate_that_turns_out_unreadable_is_malformed_evidence_and_no_fault() =>
        Assert.Throws<MalformedException>(() => new Stumbling().Appraise(new(new byte[1], DateTimeOffset.UnixEpoch) { Nonce = new byte[1] }));

    /// <summary>An appraiser of a kind whose certificate has a time that is none.</summary>
    private sealed class Stumbling : Appraiser
    {
        public override string Kind => "stumbling";

        public override IReadOnlyList<EvidenceField> Show(ReadOnlyMemory<byte> evidence) => [];

        public override JsonObject StrictPolicy() => [];

        private protected override bool Recognises(ReadOnlySpan<byte> evidence) => false;

        private protected override void AppraiseCore(AppraisalRequest request, Findings findings) => throw new CryptographicException("no time");
    }
}
