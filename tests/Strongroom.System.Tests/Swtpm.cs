using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Strongroom.Bytes;
using Strongroom.Enclave.Evidence;
using Strongroom.System.Tests.People;

namespace Strongroom.SystemTests;

/// <summary>
/// A software TPM of our own, with endorsement certificates from a maker of our own, in a directory that goes away with it. It runs in the foreground as
/// a child of the test.
/// </summary>
public sealed class Swtpm : IDisposable
{
    /// <summary>Making a TPM takes seconds; every test starts from a copy of one that was made once.</summary>
    private static readonly Lazy<string> Made = new(() =>
    {
        var made = Make();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(made, recursive: true);
        return made;
    });

    private readonly string directory = Directory.CreateTempSubdirectory("swtpm-").FullName;
    private readonly int port;
    private Process? process;

    /// <param name="overTcp">True for a TCP socket in the place of one in the file system.</param>
    /// <param name="another">True for a TPM with other keys and another maker than that of every other test.</param>
    public Swtpm(bool overTcp = false, bool another = false)
    {
        if (!File.Exists("/usr/bin/swtpm") || !File.Exists("/usr/bin/swtpm_setup")) Assert.Skip("swtpm is not installed: apt-get install swtpm swtpm-tools");
        if (overTcp) port = House.FreePort();
        var made = another ? Make() : Made.Value;
        Directory.CreateDirectory(Path.Combine(directory, "state"));
        foreach (var file in new[] { "state/tpm2-00.permall", "swtpm-localca-rootca-cert.pem", "issuercert.pem" }) File.Copy(Path.Combine(made, file), Path.Combine(directory, file));
        if (another) Directory.Delete(made, recursive: true);
        Boot();
    }

    /// <summary>As TpmDevice.Open takes it.</summary>
    public string Address => port == 0 ? $"swtpm:unix:{Path.Combine(directory, "tpm")}" : $"swtpm:127.0.0.1:{port}";

    /// <summary>A place for event log and log of starts.</summary>
    public string Folder => directory;

    /// <summary>The maker's self-signed root, PEM.</summary>
    public string Root => Path.Combine(directory, "swtpm-localca-rootca-cert.pem");

    /// <summary>The certificate between root and endorsement certificate, PEM.</summary>
    public string Issuer => Path.Combine(directory, "issuercert.pem");

    /// <summary>Resets the machine in order: the TPM is told, loses power and starts anew.</summary>
    public void Boot()
    {
        if (process is not null)
        {
            using var tpm = TpmDevice.Open(Address);
            tpm.Shutdown();
        }
        Crash();
    }

    /// <summary>Takes the power away and gives it back.</summary>
    public void Crash()
    {
        Stop();
        process = Start("swtpm", "socket", "--tpm2", "--tpmstate", $"dir={Path.Combine(directory, "state")}", "--server", port == 0 ? $"type=unixio,path={Path.Combine(directory, "tpm")}" : $"type=tcp,port={port}",
            "--flags", "not-need-init,startup-clear");
        SpinWait.SpinUntil(Listens, TimeSpan.FromSeconds(20));
        Assert.False(process.HasExited, "swtpm did not start");
    }

    public void Dispose()
    {
        Stop();
        Directory.Delete(directory, recursive: true);
    }

    private bool Listens()
    {
        try
        {
            using var tpm = TpmDevice.Open(Address);
            return true;
        }
        catch (UnavailableException)
        {
            return false;
        }
    }

    private static string Make()
    {
        var directory = Directory.CreateTempSubdirectory("swtpm-made-").FullName;
        File.WriteAllText(Path.Combine(directory, "ca.conf"),
            $"statedir = {directory}\nsigningkey = {directory}/signkey.pem\nissuercert = {directory}/issuercert.pem\ncertserial = {directory}/certserial\n");
        File.WriteAllText(Path.Combine(directory, "ca.options"), "--platform-manufacturer Strongroom\n--platform-version 1\n--platform-model rehearsal\n");
        File.WriteAllText(Path.Combine(directory, "setup.conf"),
            $"create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = {directory}/ca.conf\ncreate_certs_tool_options = {directory}/ca.options\nactive_pcr_banks = sha256\n");
        Directory.CreateDirectory(Path.Combine(directory, "state"));
        using var setup = Start("swtpm_setup", "--tpm2", "--tpmstate", Path.Combine(directory, "state"), "--create-ek-cert", "--lock-nvram", "--config", Path.Combine(directory, "setup.conf"));
        setup.WaitForExit();
        Assert.Equal(0, setup.ExitCode);
        return directory;
    }

    private void Stop()
    {
        if (process is null) return;
        process.Kill();
        process.WaitForExit();
        process.Dispose();
        process = null;
        File.Delete(Path.Combine(directory, "tpm"));
    }

    private static Process Start(string program, params string[] arguments)
    {
        var info = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        var started = Process.Start(info)!;
        started.OutputDataReceived += (_, _) => { };
        started.ErrorDataReceived += (_, _) => { };
        started.BeginOutputReadLine();
        started.BeginErrorReadLine();
        return started;
    }
}
