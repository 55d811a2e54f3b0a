using System.Security.Cryptography;
using System.Text.Json;
using Strongroom.Attestation.Corim;
using Strongroom.Attestation.Cose;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Corim;

/// <summary>CoRIMs that are right in all but one step, and the published ones.</summary>
public sealed class SignedCorimTests
{
    private static readonly DateTimeOffset At = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Published = new(2024, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly ECDsa Key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
    private static readonly byte[] Digest48 = [.. Enumerable.Repeat((byte)7, 48)];

    [Fact]
    public void Gives_the_values_of_a_CoRIM_that_is_right()
    {
        var verdict = Verify(Sign());
        Assert.Empty(verdict.Failures);
        var value = Assert.Single(verdict.Values!.All);
        Assert.Equal(("a tag", 3UL, "ACME", "sha-384"), (value.TagId, value.TagVersion, value.Environment.Vendor, Assert.Single(value.Digests).Algorithm));
        Assert.Same(value, Assert.Single(verdict.Values.Vouching("sha-384", Digest48)));
        Assert.Empty(verdict.Values.Vouching("sha-384", Digest48.AsMemory(0, 32)));
        Assert.Empty(verdict.Values.Vouching("sha-256", Digest48));
    }

    [Fact]
    public void Check_1_rejects_a_CoRIM_that_nobody_signed() => Assert.Equal(["corim.1"], Failed(Verify(Unsigned())));

    [Fact]
    public void Check_2_rejects_a_message_that_was_signed_as_something_else() => Assert.Equal(["corim.2.content"], Failed(Verify(Sign(contentType: "application/eat+cwt"))));

    [Fact]
    public void Check_2_rejects_a_critical_header_that_nobody_understands()
    {
        Assert.Equal(["corim.2.critical"], Failed(Verify(Sign(critical: 99))));
        Assert.Empty(Failed(Verify(Sign(critical: 8))));
    }

    [Fact]
    public void Check_3_rejects_another_algorithm() => Assert.Equal(["corim.3", "corim.4"], Failed(Verify(Sign(algorithm: -37))));

    [Fact]
    public void Check_4_rejects_a_strangers_signature()
    {
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Assert.Equal(["corim.4"], Failed(Verify(Sign(key: stranger))));
        Assert.Equal(["corim.4"], Failed(Verify(Sign(), request => request with { Signers = [] })));
    }

    [Fact]
    public void Check_4_rejects_any_flipped_bit_of_the_values()
    {
        var good = Sign();
        var start = good.AsSpan().IndexOf(Unsigned());
        for (var at = start; at < start + Unsigned().Length; at++)
        {
            var flipped = good.ToArray();
            flipped[at] ^= 1;
            try
            {
                Assert.Null(Verify(flipped).Values);
            }
            catch (MalformedException)
            {
            }
        }
    }

    [Fact]
    public void Check_5_rejects_a_signature_out_of_its_time()
    {
        Assert.Equal(["corim.5.signature"], Failed(Verify(Sign(), request => request with { At = At.AddDays(2) })));
        Assert.Equal(["corim.5.signature"], Failed(Verify(Sign(), request => request with { At = At.AddDays(-2) })));
        Assert.Equal(["corim.5.signature"], Failed(Verify(Sign(hasMeta: false))));
    }

    [Fact]
    public void Check_5_rejects_values_out_of_their_time() =>
        Assert.Equal(["corim.5.values"], Failed(Verify(Sign(Unsigned(extra: writer => writer.Number(4).Map(1).Number(1).Tag(1).Number(At.AddHours(-1).ToUnixTimeSeconds()))))));

    [Fact]
    public void Check_6_rejects_a_profile_that_the_caller_does_not_understand()
    {
        var corim = Sign(Unsigned(extra: writer => writer.Number(3).Tag(32).Text("https://profile.example")));
        Assert.Equal(["corim.6"], Failed(Verify(corim)));
        Assert.Empty(Failed(Verify(corim, request => request with { Profiles = new HashSet<string> { "https://profile.example" } })));
    }

    [Fact]
    public void Check_7_rejects_a_member_that_no_profile_explains()
    {
        Assert.Equal(["corim.7"], Failed(Verify(Sign(Unsigned(extra: writer => writer.Number(-1).Text("extension"))))));
        Assert.Equal(["corim.7"], Failed(Verify(Sign(Unsigned(value: writer => writer.Map(1).Number(99).Number(1))))));
    }

    [Fact]
    public void Check_8_rejects_a_tag_older_than_one_that_was_accepted()
    {
        Assert.Equal(["corim.8.versions"], Failed(Verify(Sign(), request => request with { Versions = new Dictionary<string, ulong> { ["a tag"] = 4 } })));
        Assert.Empty(Failed(Verify(Sign(), request => request with { Versions = new Dictionary<string, ulong> { ["a tag"] = 3 } })));
    }

    [Fact]
    public void Check_8_rejects_a_tag_twice() => Assert.Equal(["corim.8.ids"], Failed(Verify(Sign(Unsigned(copies: 2)))));

    [Fact]
    public void Check_9_rejects_digests_that_nobody_can_compare()
    {
        Assert.Equal(["corim.9"], Failed(Verify(Sign(Unsigned(value: writer => Digest(writer, 2, 16))))));
        Assert.Equal(["corim.9"], Failed(Verify(Sign(Unsigned(value: writer => Digest(writer, 7, 32))))));
        Assert.Equal(["corim.9"], Failed(Verify(Sign(Unsigned(value: writer => Digest(writer, 1, 48))))));
    }

    [Fact]
    public void A_value_with_members_that_are_not_read_vouches_for_nothing()
    {
        var verdict = Verify(Sign(Unsigned(value: writer => writer.Map(2).Number(2).Array(1).Array(2).Number(7).Bytes(Digest48).Number(11).Text("only by this name"))));
        Assert.Equal(["11"], Assert.Single(verdict.Values!.All).Unread);
        Assert.Empty(verdict.Values.Vouching("sha-384", Digest48));
    }

    [Fact]
    public void Reads_versions_svns_masks_and_registers()
    {
        var verdict = Verify(Sign(Unsigned(value: writer => writer.Map(4).Number(0).Map(1).Number(0).Text("1.0").Number(1).Tag(553).Number(5)
            .Number(4).Tag(563).Array(2).Bytes([1, 2]).Bytes([0xFF, 0]).Number(14).Map(1).Number(2).Array(1).Array(2).Text("sha-384").Bytes(Digest48))));
        var value = Assert.Single(verdict.Values!.All);
        Assert.Equal(("1.0", 5UL, true), (value.Version, value.Svn!.Value, value.IsMinimumSvn));
        Assert.Equal([1, 2], value.Raw!.Value.ToArray());
        Assert.Equal([0xFF, 0], value.Mask!.Value.ToArray());
        Assert.Equal("2", Assert.Single(value.Registers).Register);
    }

    [Theory]
    [InlineData("00")]
    [InlineData("d901f500")]
    [InlineData("d901f5a0")]
    [InlineData("d901f5a200006100")]
    [InlineData("d901f5a20061610180ff")]
    [InlineData("d901f4d901f6d284")]
    public void Refuses_what_is_no_CoRIM(string hex) => Assert.Throws<MalformedException>(() => Verify(Convert.FromHexString(hex)));

    [Fact]
    public void Refuses_truncation_at_every_byte()
    {
        var good = Sign();
        for (var size = 0; size < good.Length; size++) Assert.Throws<MalformedException>(() => Verify(good[..size]));
    }

    [Fact]
    public void Changed_values_under_a_right_signature_are_judged_or_malformed_and_never_anything_else()
    {
        var payload = Unsigned();
        for (var round = Environment.GetEnvironmentVariable("STRONGROOM_LONG") is null ? 500 : 10_000; round > 0; round--)
        {
            var changed = payload.ToArray();
            for (var bytes = RandomNumberGenerator.GetInt32(1, 4); bytes > 0; bytes--) changed[RandomNumberGenerator.GetInt32(changed.Length)] = RandomNumberGenerator.GetBytes(1)[0];
            try
            {
                Verify(Sign(changed));
            }
            catch (MalformedException)
            {
            }
        }
    }

    [Fact]
    public void Older_wrappings_are_opened() => Assert.NotNull(Verify([0xD9, 0x01, 0xF4, 0xD9, 0x01, 0xF6, .. Sign()]).Values);

    public static TheoryData<string, string[], int> Sealed => new()
    {
        { "signed-good-corim.cbor", [], 3 },
        { "signed-corim-with-extensions.cbor", ["corim.6", "corim.7"], 3 },
        { "signed-example-corim.cbor", ["corim.6", "corim.7"], 3 },
    };

    [Theory]
    [MemberData(nameof(Sealed))]
    public void The_published_CoRIMs_verify_under_their_key(string name, string[] failures, int values)
    {
        var corim = File.ReadAllBytes(SharedFiles.Require($"vectors/corim/corim_testcases/{name}"));
        var request = new CorimRequest(corim, Published) { Signers = [PublishedKey()] };
        var plain = SignedCorim.Verify(request);
        Assert.Equal(failures, Failed(plain));
        Assert.Equal(failures.Length == 0, plain.Values is not null);
        var understood = SignedCorim.Verify(request with { Profiles = new HashSet<string> { "http://example.com/test-profile", "http://example.com/example-profile" } });
        Assert.Empty(understood.Failures);
        Assert.Equal(values, understood.Values!.All.Count);
        Assert.Equal(["corim.5.signature"], Failed(SignedCorim.Verify(request with { At = At })).Except(failures)); // they ended with 2025
    }

    [Theory]
    [InlineData("corim-1.cbor")]
    [InlineData("corim-2.cbor")]
    [InlineData("corim-design-cd.cbor")]
    [InlineData("corim-firmware-cd.cbor")]
    [InlineData("corim-roles.cbor")]
    [InlineData("unsigned-good-corim.cbor")]
    [InlineData("unsigned-example-corim.cbor")]
    [InlineData("unsigned-corim-with-extensions.cbor")]
    public void The_published_unsigned_CoRIMs_are_read_and_give_nothing(string name)
    {
        var verdict = SignedCorim.Verify(new(File.ReadAllBytes(SharedFiles.Require($"vectors/corim/corim_testcases/{name}")), Published) { Signers = [PublishedKey()] });
        Assert.Equal("corim.1", Failed(verdict).First());
        Assert.Null(verdict.Values);
    }

    private static byte[] PublishedKey()
    {
        using var jwk = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Require("vectors/corim/corim_testcases/src/ec-p256.jwk")));
        byte[] Member(string name) => System.Buffers.Text.Base64Url.DecodeFromChars(jwk.RootElement.GetProperty(name).GetString());
        using var key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new() { X = Member("x"), Y = Member("y") } });
        return key.ExportSubjectPublicKeyInfo();
    }

    private static CborWriter Digest(CborWriter writer, int algorithm, int size) => writer.Map(1).Number(2).Array(1).Array(2).Number(algorithm).Bytes(new byte[size]);

    private static byte[] Unsigned(Action<CborWriter>? extra = null, Action<CborWriter>? value = null, int copies = 1)
    {
        var comid = new CborWriter().Map(2).Number(1).Map(2).Number(0).Text("a tag").Number(1).Number(3)
            .Number(4).Map(1).Number(0).Array(1).Array(2).Map(1).Number(0).Map(1).Number(1).Text("ACME").Array(1).Map(1).Number(1);
        if (value is null) comid.Map(1).Number(2).Array(1).Array(2).Number(7).Bytes(Digest48);
        else value(comid);
        var corim = new CborWriter().Tag(501).Map(extra is null ? 2 : 3).Number(0).Text("a corim").Number(1).Array(copies);
        for (var i = 0; i < copies; i++) corim.Tag(506).Bytes(comid.ToArray());
        extra?.Invoke(corim);
        return corim.ToArray();
    }

    internal static byte[] Sign(
        byte[]? payload = null, ECDsa? key = null, long algorithm = CoseSign1.Es384, string contentType = TestCorim.ContentType, int? critical = null, bool hasMeta = true) =>
        TestCorim.Sign(payload ?? Unsigned(), key ?? Key, At, algorithm, contentType, critical, hasMeta);

    internal static CorimVerdict Verify(byte[] corim, Func<CorimRequest, CorimRequest>? ask = null)
    {
        var request = new CorimRequest(corim, At) { Signers = [Key.ExportSubjectPublicKeyInfo()] };
        return SignedCorim.Verify(ask?.Invoke(request) ?? request);
    }

    private static IEnumerable<string> Failed(CorimVerdict verdict) => verdict.Failures.Select(check => check.Id);
}
