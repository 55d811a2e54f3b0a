using Strongroom.Attestation.Appraisal;

namespace Strongroom.Cli.Appraising;

/// <summary>Files and directories of endorsements, as they lie on a disk.</summary>
internal static class EndorsementFiles
{
    internal static Endorsements Read(IEnumerable<string> paths, Terminal terminal)
    {
        var found = Endorsements.Read(paths.SelectMany(Files).Select(file => (file, (ReadOnlyMemory<byte>)File.ReadAllBytes(file))));
        foreach (var name in found.Unrecognised) terminal.Note($"{name} is neither certificate nor revocation list, neither JSON nor XML: left alone");
        return found;
    }

    private static IEnumerable<string> Files(string path) =>
        Directory.Exists(path) ? Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal) : [path];
}
