using Strongroom.Attestation.Appraisal;
using Strongroom.Bytes;
using Strongroom.Keys;

namespace Strongroom.Cli.Appraising;

/// <summary>Files, directories and bundles of endorsements, as they lie on a disk.</summary>
internal static class EndorsementFiles
{
    /// <param name="paths">Files and directories; one bundle, and then nothing else, so that its date speaks for all.</param>
    /// <param name="collector">File with the public key that must have signed the bundle.</param>
    /// <param name="terminal">For files that are nothing known.</param>
    internal static Endorsements Read(IReadOnlyList<string> paths, string? collector, Terminal terminal)
    {
        var found = paths is [var only] && File.Exists(only) && IsBundle(only) ? Unpack(Open(only, collector)) : Endorsements.Read(paths.SelectMany(Files).Select(Read));
        foreach (var name in found.Unrecognised) terminal.Note($"{name} is neither certificate nor revocation list, neither JSON nor XML: left alone");
        return found;
    }

    /// <exception cref="UsageException">No key was named.</exception>
    /// <exception cref="RefusedException">Another key signed it, or it was changed.</exception>
    internal static EndorsementBundle Open(string path, string? collector)
    {
        if (collector is null) throw new UsageException($"{path} is a bundle: name the key of who collected it, --collector FILE");
        var bundle = EndorsementBundle.Parse(File.ReadAllBytes(path));
        return bundle.IsSignedBy(PublisherKeys.ReadPublic(collector)) ? bundle : throw new RefusedException($"{path}: the key in {collector} did not sign this bundle");
    }

    private static Endorsements Unpack(EndorsementBundle bundle) => Endorsements.Read(bundle.Files.Select(file => (file.Name, (ReadOnlyMemory<byte>)file.Bytes)), bundle.Collected);

    private static (string Name, ReadOnlyMemory<byte> Bytes) Read(string path) =>
        IsBundle(path) ? throw new UsageException($"{path} is a bundle: give it alone") : (path, File.ReadAllBytes(path));

    private static bool IsBundle(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read);
        Span<byte> start = stackalloc byte[16];
        return EndorsementBundle.Recognises(start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)]);
    }

    private static IEnumerable<string> Files(string path) =>
        Directory.Exists(path) ? Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal) : [path];
}
