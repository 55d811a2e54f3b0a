using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Appraisal;
using Strongroom.Attestation.Snp;
using Strongroom.Bytes;

namespace Strongroom.Tests.Attestation.Snp;

/// <summary>For every numbered check of spec/evidence-sev-snp.md a report that is right and signed in all but that, and fails exactly it.</summary>
public sealed class SnpAppraiserTests
{
    public static TheoryData<string, uint, bool> Machines =>
    [
        .. from product in Enum.GetNames<SnpProduct>()
           from version in (uint[])[2, 3, 4, 5]
           from provider in (bool[])[false, true]
           select (product, version, provider),
    ];

    [Theory]
    [MemberData(nameof(Machines))]
    public void Every_line_version_and_kind_of_key_verifies(string product, uint version, bool provider)
    {
        var result = new SnpScene(Enum.Parse<SnpProduct>(product), version, provider).Appraise();
        Assert.Empty(result.Failures);
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Equal(product, (string?)result.Claims["product"]);
        Assert.Equal(4, result.Endorsements.Count);
    }

    // 1: form
    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(6u)]
    public void Check_1_rejects_a_version_that_is_not_known(uint version) => Only("snp.1.version", scene => scene.U32(0, version));

    [Theory]
    [InlineData(0x04C, 5u)]
    [InlineData(0x18B, 5u)]
    [InlineData(0x19F, 5u)]
    [InlineData(0x1EB, 5u)]
    [InlineData(0x1EF, 5u)]
    [InlineData(0x208, 5u)]
    [InlineData(0x29F, 5u)]
    [InlineData(0x1F8, 4u)]
    [InlineData(0x207, 4u)]
    [InlineData(0x188, 2u)]
    public void Check_1_rejects_reserved_bytes_in_use(int offset, uint version) => Only("snp.1.reserved", scene => scene.Report[offset] = 1, version: version);

    [Theory]
    [InlineData(0x330)]
    [InlineData(0x49F)]
    public void Check_1_rejects_bytes_after_the_signature(int offset) => Only("snp.1.reserved", scene => scene.AfterSigning = report => report[offset] = 1);

    [Theory]
    [InlineData(17)]
    [InlineData(26)]
    [InlineData(63)]
    public void Check_1_rejects_reserved_policy_bits(int bit) => Only("snp.1.policy", scene => scene.Set(0x008, (ulong)bit));

    [Fact]
    public void Check_1_rejects_reserved_bits_about_the_signer() => Only("snp.1.signer", scene => scene.Set(0x048, 5));

    [Fact]
    public void Check_1_rejects_another_algorithm() => Only("snp.1.algorithm", scene => scene.U32(0x034, 2));

    [Theory]
    [InlineData(0x2A0 + 48, 1)]
    [InlineData(0x2E8 + 71, 1)]
    public void Check_1_rejects_a_signature_longer_than_its_curve(int offset, byte value) => Only("snp.1.signature", scene => scene.AfterSigning = report => report[offset] = value);

    [Theory]
    [InlineData(0)]
    [InlineData(0xFF)]
    public void Check_1_rejects_a_number_outside_the_curves_order(byte value) => Only("snp.1.signature", scene => scene.AfterSigning = report => report.AsSpan(0x2A0, 48).Fill(value));

    // 2: product line
    [Theory]
    [InlineData(0x17, 0x01)]
    [InlineData(0x19, 0x20)]
    [InlineData(0x1A, 0x12)]
    public void Check_2_rejects_a_processor_that_is_not_known(byte family, byte model) => Only("snp.2", scene => (scene.Report[0x188], scene.Report[0x189]) = (family, model));

    [Fact]
    public void Check_2_rejects_an_old_report_whose_key_names_no_line() => Only("snp.2", scene => scene.Key = scene.Key with { ProductName = "Naples-B0" }, version: 2);

    [Theory]
    [InlineData("Genoa-B1")]
    [InlineData("Milan-B01")]
    [InlineData("milan-B0")]
    public void Check_2_rejects_a_key_for_another_line(string name) => Only("snp.2.key", scene => scene.Key = scene.Key with { ProductName = name });

    [Fact]
    public void Check_2_rejects_a_denied_line() => Only("snp.2.denied", scene => scene.Policy["denied_products"] = new JsonArray("Genoa", "Milan"));

    // 3: root
    [Fact]
    public void Check_3_rejects_a_root_that_came_along() => Only("snp.3", scene =>
    {
        var stranger = new TestAmd(SnpProduct.Milan);
        (scene.Certifier, scene.Authorities) = (stranger, [stranger.Chips, stranger.Root]);
    });

    [Fact]
    public void Check_3_rejects_a_key_certified_by_a_stranger_beside_the_true_root() => Only("snp.3", scene => scene.Certifier = new TestAmd(SnpProduct.Milan));

    [Fact]
    public void Check_3_rejects_the_true_root_of_another_line() => Only("snp.3", scene =>
    {
        // A genuine Genoa chain for a report that says it is Milan's; the names of the line are Milan's, the keys are not.
        var genoa = TestAmd.Of(SnpProduct.Genoa);
        scene.Certifier = genoa;
        scene.Authorities.AddRange([genoa.Chips, genoa.Root]);
    });

    [Fact]
    public void Check_3_rejects_names_that_are_not_the_makers() => Only("snp.3.names", scene => scene.Key = scene.Key with { Organisation = "Advanced Micro Devises" });

    [Fact]
    public void Check_3_rejects_an_authority_that_points_to_another_lines_list() => Only("snp.3.crl", scene => scene.Authorities[0] = scene.Amd.Intermediate(false, "https://kdsintf.amd.com/vcek/v1/Genoa/crl"));

    [Fact]
    public void Authorities_that_are_not_there_are_missing_not_wrong() => Missing("snp.3", scene => scene.Authorities = []);

    // 4: kind of key
    [Fact]
    public void Check_4_rejects_a_providers_key_where_the_report_names_a_chips() => Only("snp.4", scene => scene.U32(0x048, 0), provider: true);

    [Fact]
    public void Check_4_rejects_a_report_that_says_it_is_not_signed() => Only("snp.4", scene => scene.U32(0x048, 7 << 2));

    [Fact]
    public void Check_4_rejects_a_chips_key_signed_for_providers() => Only("snp.4.intermediate", scene => scene.Key = scene.Key with { SignedForProviders = true });

    [Fact]
    public void Check_4_rejects_a_chips_key_that_names_a_provider() => Only("snp.4.identity", scene => scene.Key = scene.Key with { ProviderId = "test-cloud" });

    [Fact]
    public void Check_4_rejects_a_providers_key_that_names_a_chip() => Only("snp.4.identity", scene => scene.Key = scene.Key with { HardwareId = new byte[64] }, provider: true);

    [Fact]
    public void Check_4_rejects_a_providers_key_that_names_nobody() => Only("snp.4.identity", scene => scene.Key = scene.Key with { ProviderId = null }, provider: true);

    [Fact]
    public void A_key_that_is_not_there_is_missing_with_its_address()
    {
        var result = Missing("snp.4", scene => scene.Keyless = true);
        Assert.Contains($"https://kdsintf.amd.com/vcek/v1/Milan/{new string('3', 128)}?blSPL=04&teeSPL=03&snpSPL=02&ucodeSPL=200", result.Missing[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_Turin_key_is_asked_for_by_eight_bytes_and_its_FMC()
    {
        var scene = new SnpScene(SnpProduct.Turin) { Keyless = true };
        Assert.Contains("/vcek/v1/Turin/3333333333333333?fmcSPL=05&blSPL=04&", scene.Appraise().Missing[0], StringComparison.Ordinal);
    }

    // 5: the key's certificate
    [Fact]
    public void Check_5_rejects_an_extension_that_is_not_known() => Only("snp.5", scene => scene.Key = scene.Key with { Others = [("1.3.6.1.4.1.3704.1.6", [2, 1, 0])] });

    [Fact]
    public void Check_5_rejects_a_certificate_by_a_weaker_hash() => Only("snp.5", scene => scene.Key = scene.Key with { Hash = HashAlgorithmName.SHA256 });

    [Fact]
    public void Check_5_rejects_a_certificate_by_another_padding() => Only("snp.5", scene => scene.Key = scene.Key with { Padding = RSASignaturePadding.Pkcs1 });

    [Fact]
    public void Check_5_rejects_a_key_on_another_curve()
    {
        using var p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Fails(["snp.5", "snp.7"], scene => scene.Key = scene.Key with { Key = p256 });
    }

    [Fact]
    public void Check_5_rejects_a_key_on_a_curve_that_has_no_name()
    {
        using var named = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var described = named.ExportExplicitParameters(false);
        described.Curve.G = described.Q; // P-384 in all but its generator: whoever chooses that knows the private key of any public one
        using var forged = ECDsa.Create(described);
        Fails(["snp.3", "snp.5", "snp.7"], scene => scene.Key = scene.Key with { Key = forged });
    }

    [Fact]
    public void Check_5_rejects_a_hardware_id_of_another_length() => Fails(["snp.4.identity", "snp.5", "snp.8"], scene => scene.Key = scene.Key with { HardwareId = new byte[63] });

    [Fact]
    public void Check_5_rejects_a_certificate_that_is_no_longer_valid() => Only("snp.5.validity", scene => scene.Key = scene.Key with { NotAfter = TestAmd.Now.AddSeconds(-1) });

    // 6: revocation
    [Fact]
    public void Check_6_rejects_a_revoked_signing_key() => Only("snp.6", scene => scene.Lists = [scene.Amd.List(TestAmd.Now.AddDays(-1), TestAmd.Now.AddDays(1), [2])]);

    [Fact]
    public void Check_6_rejects_a_revoked_key_of_a_provider() => Only("snp.6", scene => scene.Lists = [scene.Amd.List(TestAmd.Now.AddDays(-1), TestAmd.Now.AddDays(1), [9])], provider: true);

    [Fact]
    public void Check_6_rejects_what_any_list_in_force_revokes() => Only("snp.6", scene => scene.Lists.Add(scene.Amd.List(TestAmd.Now.AddDays(-2), TestAmd.Now.AddDays(1), [2])));

    [Fact]
    public void Check_6_believes_what_a_list_past_its_time_took_back() => Only("snp.6", scene => scene.Lists = [scene.Amd.List(TestAmd.Now.AddDays(-30), TestAmd.Now.AddDays(-1), [2])]);

    [Theory]
    [InlineData(false, "vcek", Outcome.Verified)]
    [InlineData(true, "vlek", Outcome.Verified)]
    [InlineData(false, "vlek", Outcome.EndorsementsMissing)]
    [InlineData(true, "vcek", Outcome.EndorsementsMissing)]
    public void Check_6_takes_the_list_of_this_kind_of_key_and_not_the_other(bool provider, string list, Outcome outcome)
    {
        var scene = new SnpScene(provider: provider);
        scene.Lists = [scene.Amd.List(TestAmd.Now.AddDays(-1), TestAmd.Now.AddDays(1), service: list)];
        var result = scene.Appraise();
        Assert.Equal(outcome, result.Outcome);
        Assert.DoesNotContain(result.NotChecked, each => each.Contains("AMD's root signs one for each", StringComparison.Ordinal));
    }

    [Fact]
    public void Check_6_believes_what_the_list_of_the_other_kind_took_back() => Only("snp.6", scene => scene.Lists.Add(scene.Amd.List(TestAmd.Now.AddDays(-1), TestAmd.Now.AddDays(1), [9], service: "vcek")), provider: true);

    [Fact]
    public void Check_6_tells_that_a_list_does_not_say_which_of_two_it_is() =>
        Assert.Contains(With(_ => { }).NotChecked, each => each.StartsWith("whether the list of revoked certificates is the one for chips' keys", StringComparison.Ordinal));

    [Fact]
    public void Check_6_takes_a_serial_number_of_zero_for_nobodys() =>
        Assert.Equal(Outcome.Verified, With(scene => scene.Lists = [scene.Amd.List(TestAmd.Now.AddDays(-1), TestAmd.Now.AddDays(1), [0])]).Outcome);

    [Fact]
    public void Check_6_rejects_a_list_that_the_root_did_not_sign() => Only("snp.6.signature", scene => scene.Lists = [scene.Amd.List(TestAmd.Now.AddDays(-1), TestAmd.Now.AddDays(1), signer: new(SnpProduct.Milan))]);

    [Fact]
    public void Check_6_rejects_a_list_from_the_future() => Only("snp.6.time", scene => scene.Lists = [scene.Amd.List(TestAmd.Now.AddSeconds(1), TestAmd.Now.AddDays(1))]);

    [Fact]
    public void Check_6_rejects_a_list_that_never_ends() => Only("snp.6.time", scene => scene.Lists = [scene.Amd.List(TestAmd.Now.AddDays(-1), null)]);

    [Fact]
    public void No_list_is_missing() => Missing("snp.6", scene => scene.Lists = []);

    [Fact]
    public void The_list_of_another_line_is_none() => Missing("snp.6", scene => scene.Lists = [TestAmd.Of(SnpProduct.Genoa).List(TestAmd.Now.AddDays(-1), TestAmd.Now.AddDays(1))]);

    [Fact]
    public void A_list_past_its_next_update_is_missing() => Missing("snp.6", scene => scene.Lists = [scene.Amd.List(TestAmd.Now.AddDays(-2), TestAmd.Now)]);

    [Fact]
    public void A_list_that_has_just_grown_too_old_says_since_when_it_counts()
    {
        var scene = new SnpScene();
        scene.Lists = [scene.Amd.List(TestAmd.Now.AddDays(-7).AddSeconds(-1), TestAmd.Now.AddDays(300))];
        Assert.Contains("not older than 7 days (this one counts from 2026-05-25 11:59:59Z)", Assert.Single(scene.Appraise().Missing), StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_older_than_the_policy_allows_is_missing_though_not_expired() => Missing("snp.6.age", scene => scene.Lists = [scene.Amd.List(TestAmd.Now.AddDays(-8), TestAmd.Now.AddDays(300))]);

    [Fact]
    public void A_policy_may_take_an_older_list() => Assert.Equal(Outcome.Verified, With(scene =>
    {
        scene.Policy["max_endorsement_age_days"] = 9;
        scene.Lists = [scene.Amd.List(TestAmd.Now.AddDays(-8), TestAmd.Now.AddDays(300))];
    }).Outcome);

    [Theory]
    [InlineData(-1, Outcome.Verified)]
    [InlineData(-8, Outcome.EndorsementsMissing)]
    [InlineData(1, Outcome.EndorsementsMissing)]
    public void An_old_list_counts_from_when_a_bundle_was_collected(int collected, Outcome outcome)
    {
        var scene = new SnpScene();
        scene.Lists = [scene.Amd.List(TestAmd.Now.AddDays(-20), TestAmd.Now.AddDays(300))];
        var endorsements = Endorsements.Read(scene.Files.Select((file, at) => ($"{at}", (ReadOnlyMemory<byte>)file)), TestAmd.Now.AddDays(collected));
        Assert.Equal(outcome, Appraiser.For("sev-snp", TestAmd.Roots)!.Appraise(new(scene.Signed(), TestAmd.Now) { Endorsements = endorsements, ReportData = scene.ReportData }).Outcome);
    }

    [Fact]
    public void An_old_list_that_came_along_with_the_report_does_not_count_from_then()
    {
        var scene = new SnpScene();
        scene.Lists = [scene.Amd.List(TestAmd.Now.AddDays(-20), TestAmd.Now.AddDays(300))];
        var endorsements = Endorsements.Read([], TestAmd.Now);
        Assert.Equal(Outcome.EndorsementsMissing, Appraiser.For("sev-snp", TestAmd.Roots)!.Appraise(new(scene.Extended(), TestAmd.Now) { Endorsements = endorsements, ReportData = scene.ReportData }).Outcome);
    }

    [Fact]
    public void A_failed_check_outranks_a_missing_list() => Assert.Equal(Outcome.Rejected, With(scene =>
    {
        scene.Lists = [];
        scene.U32(0x030, 1);
    }).Outcome);

    // 7 and 8: signature, chip
    [Fact]
    public void Check_7_rejects_a_signature_by_another_key()
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Only("snp.7", scene => scene.Signer = other);
    }

    [Fact]
    public void Check_7_rejects_a_report_changed_after_it_was_signed() => Only("snp.7", scene => scene.AfterSigning = report => report[0x090] ^= 1);

    [Theory]
    [InlineData("Milan", 63)]
    [InlineData("Genoa", 0)]
    [InlineData("Turin", 7)]
    public void Check_8_rejects_the_key_of_another_chip(string product, int at) => Only("snp.8", scene =>
    {
        var id = scene.Key.HardwareId!.ToArray();
        id[at] ^= 1;
        scene.Key = scene.Key with { HardwareId = id };
    }, Enum.Parse<SnpProduct>(product));

    [Fact]
    public void Check_8_rejects_eight_bytes_for_a_chip_of_sixty_four() => Only("snp.8", scene => scene.Key = scene.Key with { HardwareId = scene.Report[0x1A0..0x1A8] });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_hardware_id_counts_raw_and_wrapped(bool wrapped) => Assert.Equal(Outcome.Verified, With(scene => scene.Key = scene.Key with { WrapsHardwareId = wrapped }).Outcome);

    [Fact]
    public void Check_8_says_of_a_providers_key_what_the_report_says_of_the_chip()
    {
        var scene = new SnpScene(provider: true);
        scene.Fill(0x1A0, 64, 0);
        var masked = Assert.Single(scene.Appraise().Checks, check => check.Id == "snp.8.masked");
        Assert.Equal(CheckResult.SkippedByPolicy, masked.Result);
        Assert.Contains("CHIP_ID is zero", masked.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_8_rejects_a_hidden_chip() => Only("snp.8.masked", scene => scene.Fill(0x1A0, 64, 0));

    [Fact]
    public void Check_8_rejects_a_masked_chip_key() => Only("snp.8.masked", scene => scene.U32(0x048, 2));

    [Fact]
    public void A_policy_may_take_a_hidden_chip() => Assert.Equal(Outcome.Verified, With(scene =>
    {
        scene.Policy["allow_masked_chip"] = true;
        scene.Fill(0x1A0, 64, 0);
    }).Outcome);

    // 9 and 10: firmware
    [Theory]
    [InlineData("Milan", 1)]
    [InlineData("Genoa", 2)]
    [InlineData("Milan", 3)]
    [InlineData("Milan", 8)]
    [InlineData("Milan", 5)]
    [InlineData("Turin", 1)]
    [InlineData("Turin", 9)]
    public void Check_9_rejects_a_key_for_another_TCB_version_in_one_component(string product, int part) => Only("snp.9", scene => scene.Level(part, 9), Enum.Parse<SnpProduct>(product));

    [Fact]
    public void Check_9_rejects_a_Turin_key_without_FMC() => Only("snp.9", scene => scene.Key = scene.Key with { Levels = scene.Key.Levels.Where(each => each.Key != 9).ToDictionary() }, SnpProduct.Turin);

    [Fact]
    public void Check_9_rejects_more_than_the_current_version_reported() => Only("snp.9.current", scene => scene.Report[0x038 + 7] = scene.Report[0x1E0 + 7] = 199);

    [Theory]
    [InlineData("Milan", 0x1F2)]
    [InlineData("Turin", 0x1F4)]
    public void Check_9_rejects_a_reserved_component_in_use(string product, int offset) => Only("snp.9.reserved", scene => scene.Report[offset] = 1, Enum.Parse<SnpProduct>(product));

    [Fact]
    public void Check_9_rejects_firmware_that_can_be_taken_back() => Only("snp.9.committed", scene => scene.Report[0x1E0 + 7] = 199);

    [Fact]
    public void A_policy_may_take_provisional_firmware_but_none_committed_above_current()
    {
        Assert.Equal(Outcome.Verified, With(scene =>
        {
            scene.Policy["allow_provisional_firmware"] = true;
            (scene.Report[0x1E0 + 7], scene.Report[0x1EC]) = (199, 21);
        }).Outcome);
        Only("snp.9.committed", scene =>
        {
            scene.Policy["allow_provisional_firmware"] = true;
            scene.Report[0x1E0 + 7] = 201;
        });
    }

    [Theory]
    [InlineData(0x1E0, "Milan")]
    [InlineData(0x1F0, "Milan")]
    [InlineData(0x1F0, "Turin")]
    public void Check_9_rejects_a_committed_or_launch_version_below_the_minimum(int offset, string product) => Only("snp.9.minimum", scene =>
    {
        scene.Policy["allow_provisional_firmware"] = true;
        scene.Policy["minimum_tcb"] = new JsonObject { [product] = new JsonObject { ["boot_loader"] = 4, ["tee"] = 3, ["snp"] = 2, ["microcode"] = 200, ["fmc"] = 5 } };
        scene.Report[offset] -= 1; // boot loader, or FMC
    }, Enum.Parse<SnpProduct>(product));

    [Fact]
    public void Check_9_rejects_a_reported_version_below_the_minimum() => Only("snp.9.minimum", scene =>
        scene.Policy["minimum_tcb"] = new JsonObject { ["Milan"] = new JsonObject { ["boot_loader"] = 4, ["tee"] = 3, ["snp"] = 2, ["microcode"] = 201 } });

    [Fact]
    public void Check_10_rejects_a_build_that_is_not_committed() => Only("snp.10", scene => scene.Report[0x1EC] = 21);

    [Fact]
    public void Check_10_rejects_firmware_below_the_minimum() => Only("snp.10.minimum", scene => scene.Policy["minimum_firmware"] = "1.55.23");

    // 11 to 14: level, guest, machine
    [Fact]
    public void Check_11_rejects_a_report_from_a_lower_privilege_level() => Only("snp.11", scene => scene.U32(0x030, 1));

    [Fact]
    public void Check_11_rejects_a_report_that_the_host_asked_for() => Only("snp.11", scene => scene.U32(0x030, uint.MaxValue));

    [Fact]
    public void Check_12_rejects_a_guest_that_can_be_debugged() => Only("snp.12.debug", scene => scene.Set(0x008, 19));

    [Fact]
    public void Check_12_rejects_a_guest_that_can_be_migrated() => Only("snp.12.migration", scene => scene.Set(0x008, 18));

    [Fact]
    public void Check_12_rejects_a_guest_that_has_a_migration_agent() => Only("snp.12.migration", scene => scene.Report[0x160] = 1);

    [Theory]
    [InlineData("smt", false, "smt")]
    [InlineData("single_socket", true, "single-socket")]
    [InlineData("aes_256_xts", true, "aes-256-xts")]
    [InlineData("rapl_disabled", true, "rapl")]
    [InlineData("ciphertext_hiding", true, "ciphertext-hiding")]
    [InlineData("page_swap_disabled", true, "page-swap")]
    public void Check_12_rejects_a_guest_policy_that_is_not_as_wished(string wish, bool wanted, string id) => Only($"snp.12.{id}", scene => scene.Policy["guest"] = new JsonObject { [wish] = wanted });

    [Fact]
    public void Check_12_rejects_memory_behind_CXL() => Only("snp.12.cxl", scene => scene.Set(0x008, 21));

    [Fact]
    public void Check_12_rejects_a_guest_content_with_older_firmware() => Only("snp.12.abi", scene => scene.Policy["minimum_abi"] = "1.51");

    [Theory]
    [InlineData(8)]
    [InlineData(63)]
    public void Check_13_rejects_platform_flags_that_are_not_known(int bit) => Only("snp.13", scene => scene.Set(0x040, (ulong)bit));

    [Fact]
    public void Check_13_rejects_a_machine_whose_memory_was_not_checked_for_aliases() => Only("snp.13.alias-check", scene => scene.Set(0x040, 5));

    [Theory]
    [InlineData("smt", false, "smt")]
    [InlineData("tsme", true, "tsme")]
    [InlineData("ecc", true, "ecc")]
    [InlineData("rapl_disabled", true, "rapl")]
    [InlineData("ciphertext_hiding", true, "ciphertext-hiding")]
    [InlineData("iommu_write_safe", true, "iommu-write")]
    [InlineData("trusted_io", true, "trusted-io")]
    public void Check_13_rejects_a_machine_that_is_not_as_wished(string wish, bool wanted, string id) => Only($"snp.13.{id}", scene => scene.Policy["platform"] = new JsonObject { [wish] = wanted });

    /// <summary>As newer firmware of Genoa and Turin says.</summary>
    [Fact]
    public void A_machine_that_says_that_devices_writes_are_checked_verifies()
    {
        var result = With(scene =>
        {
            scene.Set(0x040, 6);
            scene.Policy["platform"] = new JsonObject { ["iommu_write_safe"] = true };
        });
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.True((bool?)result.Claims["platform"]!["iommu_write_safe"]);
    }

    [Theory]
    [InlineData("launch", 0x1F8, 5u)]
    [InlineData("current", 0x200, 5u)]
    [InlineData("current", 0x200, 4u)]
    public void Check_14_rejects_missing_mitigations(string which, int offset, uint version) => Only($"snp.14.{which}", scene =>
    {
        scene.Policy[$"{which}_mitigations"] = "0000000000000006";
        if (version >= 5) scene.U64(offset, 2);
    }, version: version);

    [Fact]
    public void Mitigations_beyond_the_wanted_ones_do_no_harm() => Assert.Equal(Outcome.Verified, With(scene =>
    {
        scene.Policy["current_mitigations"] = "0000000000000006";
        scene.U64(0x200, 0xF);
    }).Outcome);

    // 15: binding and identity
    [Fact]
    public void Check_15_rejects_a_report_for_another_challenge() => Only("snp.15", scene => scene.Report[0x050 + 63] ^= 1);

    [Theory]
    [InlineData(48)]
    [InlineData(32)]
    [InlineData(65)]
    public void Check_15_rejects_report_data_of_another_length(int length)
    {
        var scene = new SnpScene();
        var expected = new byte[length];
        scene.ReportData.AsSpan(0, Math.Min(64, length)).CopyTo(expected);
        var result = Appraiser.For("sev-snp", TestAmd.Roots)!.Appraise(new(scene.Signed(), TestAmd.Now) { Endorsements = Read(scene.Files), ReportData = expected });
        Assert.Equal(["snp.15"], result.Failures.Select(check => check.Id));
    }

    [Fact]
    public void Check_15_rejects_a_nonce_which_these_reports_do_not_have()
    {
        var scene = new SnpScene();
        var result = Appraiser.For("sev-snp", TestAmd.Roots)!.Appraise(new(scene.Signed(), TestAmd.Now) { Endorsements = Read(scene.Files), Nonce = scene.ReportData });
        Assert.Equal(["snp.15"], result.Failures.Select(check => check.Id));
    }

    [Fact]
    public void Check_15_rejects_a_nonce_beside_report_data()
    {
        var scene = new SnpScene();
        var result = Appraiser.For("sev-snp", TestAmd.Roots)!.Appraise(new(scene.Signed(), TestAmd.Now) { Endorsements = Read(scene.Files), ReportData = scene.ReportData, Nonce = scene.ReportData });
        Assert.Equal(["snp.15.nonce"], result.Failures.Select(check => check.Id));
    }

    [Theory]
    [InlineData("measurements", 48, "measurement")]
    [InlineData("id_keys", 48, "id-key")]
    [InlineData("chip_ids", 64, "chip")]
    public void Check_15_rejects_what_the_policy_does_not_list(string member, int size, string id) =>
        Only($"snp.15.{id}", scene => scene.Policy[member] = new JsonArray(new string('0', 2 * size - 1) + "1", new string('a', 2 * size)));

    [Theory]
    [InlineData("host_data", 32, "host-data")]
    [InlineData("family_id", 16, "family-id")]
    [InlineData("image_id", 16, "image-id")]
    [InlineData("report_id", 32, "report-id")]
    public void Check_15_rejects_what_the_policy_does_not_name(string member, int size, string id) => Only($"snp.15.{id}", scene => scene.Policy[member] = new string('a', 2 * size));

    [Fact]
    public void Check_15_rejects_a_guest_without_an_ID_block() => Only("snp.15.id-block", scene => scene.Policy["require_id_block"] = true);

    [Theory]
    [InlineData(true, 0x66)]
    [InlineData(false, 0x55)]
    public void Check_15_rejects_an_author_who_is_not_listed_or_not_enabled(bool enabled, byte author) => Only("snp.15.author-key", scene =>
    {
        scene.Policy["author_keys"] = new JsonArray(new string('5', 96));
        scene.Fill(0x110, 48, author);
        scene.U32(0x048, enabled ? 1u : 0u);
    });

    [Fact]
    public void Check_15_rejects_a_guest_of_an_older_security_version() => Only("snp.15.guest-svn", scene => scene.Policy["minimum_guest_svn"] = 1);

    [Fact]
    public void Check_15_rejects_another_provider() => Only("snp.15.provider", scene => scene.Policy["provider_ids"] = new JsonArray("other-cloud"), provider: true);

    [Fact]
    public void Everything_that_the_policy_lists_verifies() => Assert.Equal(Outcome.Verified, With(scene =>
    {
        scene.Fill(0x0E0, 48, 0x44);
        scene.Fill(0x110, 48, 0x55);
        scene.U32(0x048, 1);
        scene.Policy["measurements"] = new JsonArray(new string('1', 96));
        scene.Policy["id_keys"] = new JsonArray(new string('4', 96));
        scene.Policy["author_keys"] = new JsonArray(new string('5', 96));
        scene.Policy["chip_ids"] = new JsonArray(new string('3', 128));
        scene.Policy["report_id"] = new string('2', 64);
        scene.Policy["require_id_block"] = true;
        scene.Policy["minimum_firmware"] = "1.55.22";
        scene.Policy["minimum_abi"] = "0.31";
        scene.Policy["minimum_tcb"] = new JsonObject { ["Milan"] = new JsonObject { ["boot_loader"] = 4, ["tee"] = 3, ["snp"] = 2, ["microcode"] = 200 } };
    }).Outcome);

    // together
    [Fact]
    public void Everything_that_is_wrong_is_found_at_once() => Fails(["snp.8", "snp.11", "snp.12.debug", "snp.15"], scene =>
    {
        scene.Key = scene.Key with { HardwareId = new byte[64] };
        scene.U32(0x030, 2);
        scene.Set(0x008, 19);
        scene.Report[0x050] ^= 1;
    });

    [Fact]
    public void Only_the_named_groups_are_left_out()
    {
        var result = With(scene =>
        {
            scene.Without.UnionWith([CheckGroup.Revocation, CheckGroup.Tcb, CheckGroup.Freshness, CheckGroup.Binding]);
            scene.Lists = [];
            scene.Report[0x1E0 + 7] = 199;
            scene.Set(0x040, 5);
            scene.Report[0x050] ^= 1;
        });
        Assert.Equal(Outcome.Verified, result.Outcome);
        Assert.Equal(["revocation: left out by name", "tcb: left out by name", "freshness: left out by name", "binding: left out by name"], result.NotChecked.Take(4));
        Assert.Equal(["snp.12.debug"], With(scene =>
        {
            scene.Without.UnionWith([CheckGroup.Revocation, CheckGroup.Tcb, CheckGroup.Freshness, CheckGroup.Binding]);
            scene.Set(0x008, 19);
        }).Failures.Select(check => check.Id));
    }

    [Fact]
    public void The_key_that_fits_is_found_among_those_of_other_machines()
    {
        var scene = new SnpScene();
        var others = Enumerable.Range(1, 5).Select(other => scene.Amd.Certify(scene.Key with { HardwareId = [.. Enumerable.Repeat((byte)other, 64)] }));
        Assert.Equal(Outcome.Verified, scene.Appraise(scene.Signed(), [.. others, .. scene.Files]).Outcome);
    }

    [Fact]
    public void A_key_in_the_name_of_this_chip_that_did_not_sign_does_not_hide_the_one_that_did()
    {
        var scene = new SnpScene();
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Assert.Equal(Outcome.Verified, scene.Appraise(scene.Signed(), [scene.Amd.Certify(scene.Key with { Key = other }), .. scene.Files]).Outcome);
    }

    [Fact]
    public void What_nobody_decided_is_said()
    {
        var result = With(_ => { });
        Assert.Contains("which measurement is the wanted one", result.NotChecked);
        Assert.Contains(result.NotChecked, each => each.StartsWith("whether the firmware is recent enough", StringComparison.Ordinal));
        Assert.Contains(result.NotChecked, each => each.StartsWith("whether the chip is in known custody", StringComparison.Ordinal));
    }

    private static Endorsements Read(IEnumerable<byte[]> files) => Endorsements.Read(files.Select((file, at) => ($"{at}", (ReadOnlyMemory<byte>)file)));

    private static AttestationResult With(Action<SnpScene> change, SnpProduct product = SnpProduct.Milan, uint version = 5, bool provider = false)
    {
        var scene = new SnpScene(product, version, provider);
        change(scene);
        return scene.Appraise();
    }

    private static void Only(string id, Action<SnpScene> change, SnpProduct product = SnpProduct.Milan, uint version = 5, bool provider = false) => Fails([id], change, product, version, provider);

    private static void Fails(string[] ids, Action<SnpScene> change, SnpProduct product = SnpProduct.Milan, uint version = 5, bool provider = false)
    {
        var result = With(change, product, version, provider);
        Assert.Equal(ids, result.Failures.Select(check => check.Id));
        Assert.Equal(Outcome.Rejected, result.Outcome);
        Assert.Empty(result.Missing);
    }

    private static AttestationResult Missing(string id, Action<SnpScene> change)
    {
        var result = With(change);
        Assert.Empty(result.Failures);
        Assert.Equal(Outcome.EndorsementsMissing, result.Outcome);
        Assert.StartsWith($"{id}: ", Assert.Single(result.Missing), StringComparison.Ordinal);
        return result;
    }
}
