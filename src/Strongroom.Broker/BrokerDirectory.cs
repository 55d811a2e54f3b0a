using System.Security.Cryptography.X509Certificates;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;
using Strongroom.Keys;
using Strongroom.Ledger;
using Strongroom.Protocol;

namespace Strongroom.Broker;

/// <summary>What lies in a broker's directory (spec/broker-directory.md), read and compared once, before anything listens.</summary>
internal sealed class BrokerDirectory : IDisposable
{
    private readonly string? passphraseFile;

    private BrokerDirectory(string path, BrokerConfiguration configuration, byte[] genesis, Founding founding, X509Certificate2 certificate, string? passphraseFile) =>
        (Path, Configuration, Genesis, LedgerKey, Certificate, this.passphraseFile) = (path, configuration, genesis, founding.LedgerKey, certificate, passphraseFile);

    public string Path { get; }

    public BrokerConfiguration Configuration { get; }

    /// <summary>The ledger's first entry.</summary>
    public byte[] Genesis { get; }

    /// <summary>The verifier key of the ledger, as people signed it.</summary>
    public string LedgerKey { get; }

    public X509Certificate2 Certificate { get; }

    /// <summary>SHA-256 of the certificate's SubjectPublicKeyInfo: what everybody pins.</summary>
    public Digest BrokerKey => KeyOf(Certificate);

    /// <exception cref="MalformedException">A file is not what it claims to be.</exception>
    /// <exception cref="RefusedException">The files contradict each other, or others may read the secret ones.</exception>
    public static BrokerDirectory Open(BrokerOptions options)
    {
        if (!Directory.Exists(options.Directory)) throw new DirectoryNotFoundException($"there is no directory {options.Directory}: check --dir, or make one with strongroom init");
        var configuration = options.Over(BrokerConfiguration.Parse(Read(options.Directory, "broker.json")));
        if (System.IO.File.Exists(System.IO.Path.Combine(options.Directory, "founding.json")))
            throw new RefusedException("its founders have not signed yet: each runs strongroom init sign, then somebody strongroom init finish");
        var genesis = Read(options.Directory, "genesis.json");
        foreach (var secret in (string[])["ledger.key", "tls.key"]) RequirePrivate(System.IO.Path.Combine(options.Directory, secret));
        var certificate = X509Certificate2.CreateFromPemFile(System.IO.Path.Combine(options.Directory, "tls.pem"), System.IO.Path.Combine(options.Directory, "tls.key"));
        var founding = RequireAgreement(configuration, LedgerRecord.Parse(genesis), KeyOf(certificate));
        return new(options.Directory, configuration, genesis, founding, certificate, options.PassphraseFile);
    }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>The key that signs checkpoints; the caller disposes it.</summary>
    public Ed25519PrivateKey OpenLedgerKey()
    {
        using var file = KeyFile.Read(File("ledger.key"), "ledger", passphrase: null); // a broker starts by itself
        var key = Ed25519PrivateKey.FromSeed(file.Key.Span);
        if (new VerifierKey(Configuration.Origin, NoteAlgorithm.Ed25519, key.PublicKey).ToString() == LedgerKey) return key;
        key.Dispose();
        throw new RefusedException("ledger.key is not the key that genesis names");
    }

    /// <summary>The key that unwraps model keys; a relative path is relative to this directory.</summary>
    public KeyProvider OpenCustody()
    {
        const string file = "file:";
        var uri = Configuration.Custody;
        return KeyProvider.Open(uri.StartsWith(file, StringComparison.Ordinal) ? file + File(uri[file.Length..]) : uri, () => Passphrase.Read(passphraseFile));
    }

    public void Dispose() => Certificate.Dispose();

    private static Digest KeyOf(X509Certificate2 certificate) => Digest.Of(certificate.PublicKey.ExportSubjectPublicKeyInfo());

    private static byte[] Read(string directory, string name) => System.IO.File.ReadAllBytes(System.IO.Path.Combine(directory, name));

    private static void RequirePrivate(string path)
    {
        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        if ((System.IO.File.GetUnixFileMode(path) & others) != 0) throw new RefusedException($"others may read or write {path}: chmod 600 it, and ask who did");
    }

    /// <summary>People signed genesis; broker.json is only a file. Where the two differ, somebody has changed the file.</summary>
    private static Founding RequireAgreement(BrokerConfiguration configuration, LedgerRecord first, Digest brokerKey)
    {
        if (first is not Genesis genesis) throw new MalformedException(-1, "genesis.json is not a genesis record");
        var (founding, reasons) = (genesis.Founding, GenesisRules.Refusals(genesis).ToList());
        if (founding.Ledger != configuration.Origin) reasons.Add($"genesis founds {founding.Ledger}, broker.json is for {configuration.Origin}");
        if (founding.BrokerKey != brokerKey) reasons.Add("tls.pem is not the certificate that genesis names");
        if (!founding.Witnesses.Order(StringComparer.Ordinal).SequenceEqual(configuration.Witnesses.Select(witness => witness.Key).Order(StringComparer.Ordinal)))
            reasons.Add("the witnesses of broker.json are not those that genesis names");
        if (configuration.DangerDevelopmentEvidence == true && founding.DangerDevelopmentEvidence != true)
            reasons.Add("this ledger was founded without --danger-development-evidence, and nobody can add that later");
        if (configuration.DangerDevelopmentEvidence != true && founding.DangerDevelopmentEvidence == true)
            reasons.Add("this ledger was founded with --danger-development-evidence: give the broker that option too, or found another ledger without it");
        return reasons.Count == 0 ? founding : throw new RefusedException(reasons);
    }
}
