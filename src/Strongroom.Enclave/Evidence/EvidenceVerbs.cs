using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Strongroom.Attestation;
using Strongroom.Attestation.Composite;
using Strongroom.Attestation.Tpm;
using Strongroom.Bytes;
using Strongroom.Enclave.Loader;

namespace Strongroom.Enclave.Evidence;

/// <summary>
/// What an operator does with a machine before it runs anything. Each verb prints one JSON object, so that the tool that talks to the broker, which may
/// run elsewhere, can hand it on.
/// </summary>
public static class EvidenceVerbs
{
    public const string Usage =
        """
        Each of these answers with one JSON object:

        usage: strongroom enclave introduce     [--tpm WHERE] [--intermediate CERTIFICATE]...   what the broker needs in order to enrol this machine
               strongroom enclave activate      [--tpm WHERE] --credential BASE64               opens the broker's challenge
               strongroom enclave measure       [--tpm WHERE] [--pcrs 0,1,...]                  the boot, as reference values and as a measurement
               strongroom enclave evidence      [--evidence KIND] [--nonce HEX] [--out FILE]    what processor and GPUs say: composite evidence
               strongroom enclave rehearse-boot --tpm WHERE --event-log FILE [--changed]        plays firmware on a software TPM
          --danger-development-evidence KEYFILE in place of --tpm: introduce makes the file if it is not there; proves nothing about a machine
          KIND is sev-snp, tdx, nitro or auto (the default: the one that is there); the nonce has 32 bytes, without one it is drawn
          WHERE is device:/dev/tpmrm0 (the default), swtpm:HOST:PORT or swtpm:unix:PATH
        """;

    private const string Development = "danger-development-evidence";
    private const string Json = "json";

    /// <summary>Runs the verb; null if it is none of these.</summary>
    /// <exception cref="UsageException">An option is missing, unknown or given twice.</exception>
    public static int? Run(string[] arguments, TextWriter output) => arguments switch
    {
        ["introduce", .. var rest] => Introduce(Read(rest, "tpm", "intermediate", Development), output),
        ["activate", .. var rest] => Activate(Read(rest, "tpm", "credential"), output),
        ["measure", .. var rest] => Measure(Read(rest, "tpm", "pcrs", Development), output),
        ["evidence", .. var rest] => Collect(Read(rest, "evidence", "nonce", "out"), output),
        ["rehearse-boot", .. var rest] => RehearseBoot(Read(rest, "tpm", "event-log", "changed"), output),
        _ => null,
    };

    /// <summary>The body of <c>POST /v1/machines/challenges</c>.</summary>
    private static int Introduce(ILookup<string, string> options, TextWriter output)
    {
        if (InPlaceOfATpm(options) is { } path)
        {
            using var machine = DevelopmentMachine.OpenOrCreate(path);
            return Print(output, new() { ["kind"] = DevelopmentEvidence.KindName, ["attestation_key"] = machine.Key.ToString() });
        }
        var introduction = Attester(options).Introduce(options["intermediate"].Select(file =>
        {
            using var certificate = X509CertificateLoader.LoadCertificateFromFile(file);
            return certificate.RawData;
        }));
        return Print(output, new()
        {
            ["kind"] = TpmEvidence.KindName,
            ["attestation_key"] = Convert.ToBase64String(introduction.AttestationKey),
            ["endorsement_certificates"] = new JsonArray([.. introduction.Intermediates.Prepend(introduction.EndorsementCertificate).Select(der => (JsonNode)Convert.ToBase64String(der))]),
        });
    }

    private static int Activate(ILookup<string, string> options, TextWriter output)
    {
        using var secret = Attester(options).Activate(TpmCredential.Parse(Convert.FromBase64String(One(options, "credential"))));
        return Print(output, new() { ["secret"] = Convert.ToBase64String(secret.Span) });
    }

    private static int Measure(ILookup<string, string> options, TextWriter output)
    {
        if (InPlaceOfATpm(options) is { } path)
        {
            using var machine = DevelopmentMachine.Open(path);
            return PrintMeasured(output, machine.Id, DevelopmentEvidence.KindName, DevelopmentMachine.Claims);
        }
        var attester = Attester(options);
        return PrintMeasured(output, attester.Machine(), TpmEvidence.KindName, attester.Claims());
    }

    private static int PrintMeasured(TextWriter output, string machine, string kind, IReadOnlyDictionary<string, string> claims) =>
        Print(output, new()
        {
            ["machine"] = machine,
            ["kind"] = kind,
            ["values"] = new JsonObject(claims.Select(claim => KeyValuePair.Create(claim.Key, (JsonNode?)claim.Value))),
            ["measurement"] = Measurement.Of(kind, claims).ToString(),
        });

    /// <summary>Evidence for whoever will verify it: a file for <c>strongroom evidence verify</c>, or base64 among the answer.</summary>
    private static int Collect(ILookup<string, string> options, TextWriter output)
    {
        var asked = options["evidence"].SingleOrDefault("auto");
        if (asked != "auto" && !CompositeEvidence.CpuKinds.Contains(asked)) throw new UsageException($"--evidence is auto, {string.Join(", ", CompositeEvidence.CpuKinds)}; a TPM is enrolled by introduce");
        var nonce = options["nonce"].SingleOrDefault() is { } hex ? Digest.Parse(hex) : Digest.Of(RandomNumberGenerator.GetBytes(Digest.SizeInBytes));
        var processor = ThisMachine.Find(asked) ?? throw new UnavailableException("this machine has no SEV-SNP, TDX or Nitro that could be asked");
        return Collect(new(processor, GpuProcess.Attest), nonce, options["out"].SingleOrDefault(), output);
    }

    internal static int Collect(TeeMachine machine, Digest nonce, string? path, TextWriter output)
    {
        var evidence = machine.Collect(nonce);
        var bytes = evidence.ToBytes();
        var answer = new JsonObject { ["kind"] = evidence.Cpu.Kind, ["nonce"] = nonce.ToString(), ["devices"] = evidence.Devices.Count };
        if (MachineIdentity.Stated(evidence, TimeProvider.System.GetUtcNow()) is { } identity) answer["machine"] = identity.MachineId();
        if (path is null) answer["evidence"] = Convert.ToBase64String(bytes);
        else
        {
            using var file = new FileStream(path, FileMode.CreateNew); // what answers another nonce is not written over
            file.Write(bytes);
        }
        return Print(output, answer);
    }

    private static int RehearseBoot(ILookup<string, string> options, TextWriter output)
    {
        var (where, path) = (One(options, "tpm"), One(options, "event-log"));
        using var tpm = TpmDevice.Open(where);
        var log = BootRehearsal.Run(tpm, changed: options["changed"].Any());
        File.WriteAllBytes(path, log);
        return Print(output, new() { ["rehearsal"] = true, ["events"] = EventLog.Parse(log).Events.Count });
    }

    /// <summary>The key file of <c>--danger-development-evidence</c>; null without. Who names a TPM as well is told, and not believed to mean the one or the other.</summary>
    private static string? InPlaceOfATpm(ILookup<string, string> options)
    {
        if (options[Development].SingleOrDefault() is not { } path) return null;
        return options.FirstOrDefault(option => option.Key is not (Development or Json)) is { Key: var other }
            ? throw new UsageException($"--{Development} stands in the place of a TPM: leave it out, or --{other}")
            : path;
    }

    private static TpmAttester Attester(ILookup<string, string> options) =>
        new(new(options["tpm"].SingleOrDefault(TpmDevice.Default)), Pcrs(options["pcrs"].SingleOrDefault()), EnrolledMachine.DefaultApplicationPcr);

    /// <summary>More registers see more of the boot: 8, 9 and 14 hold what GRUB and shim measured. Only what the firmware's log records can be verified.</summary>
    private static IReadOnlyList<int> Pcrs(string? list)
    {
        if (list is null) return EnrolledMachine.DefaultPcrs;
        int[] pcrs = [.. list.Split(',').Select(pcr => byte.TryParse(pcr, out var number) ? number : throw new UsageException("--pcrs is a list of numbers: 0,1,7"))];
        var refusal = new EnrolledMachine("", TpmEvidence.KindName, default, pcrs, EnrolledMachine.DefaultApplicationPcr).Refusals().FirstOrDefault();
        return refusal is null ? pcrs : throw new UsageException($"--pcrs {list}: {refusal}");
    }

    private static string One(ILookup<string, string> options, string name) =>
        options[name].SingleOrDefault() ?? throw new UsageException($"--{name} is missing");

    /// <summary>Every verb answers in JSON, so --json is what it does anyway.</summary>
    private static ILookup<string, string> Read(string[] arguments, params string[] known)
    {
        string[] repeated = ["intermediate"], alone = ["changed"];
        return new Arguments([.. known.Except(repeated).Except(alone)], [.. known.Intersect(repeated)], [.. known.Intersect(alone), Json]).Parse(arguments);
    }

    private static int Print(TextWriter output, JsonObject answer)
    {
        output.WriteLine(answer.ToJsonString());
        return 0;
    }
}
