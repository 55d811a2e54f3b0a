using System.Diagnostics;
using System.Net.Sockets;
using Strongroom.Enclave.Evidence;

namespace Strongroom.SystemTests;

/// <summary>
/// A software TPM of our own, with endorsement certificates from a maker of our own, in a directory that goes away with it. It runs in the foreground as
/// a child of the test.
/// </summary>
public sealed class Swtpm : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("swtpm-").FullName;
    private Process? process;

    public Swtpm()
    {
        if (!File.Exists("/usr/bin/swtpm") || !File.Exists("/usr/bin/swtpm_setup")) Assert.Skip("swtpm is not installed: apt-get install swtpm swtpm-tools");
        File.WriteAllText(Path.Combine(directory, "ca.conf"),
            $"statedir = {directory}\nsigningkey = {directory}/signkey.pem\nissuercert = {directory}/issuercert.pem\ncertserial = {directory}/certserial\n");
        File.WriteAllText(Path.Combine(directory, "ca.options"), "--platform-manufacturer Strongroom\n--platform-version 1\n--platform-model rehearsal\n");
        File.WriteAllText(Path.Combine(directory, "setup.conf"),
            $"create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = {directory}/ca.conf\ncreate_certs_tool_options = {directory}/ca.options\nactive_pcr_banks = sha256\n");
        Directory.CreateDirectory(Path.Combine(directory, "state"));
        using var setup = Start("swtpm_setup", "--tpm2", "--tpmstate", Path.Combine(directory, "state"), "--create-ek-cert", "--lock-nvram", "--config", Path.Combine(directory, "setup.conf"));
        setup.WaitForExit();
        Assert.Equal(0, setup.ExitCode);
        Boot();
    }

    /// <summary>As TpmDevice.Open takes it.</summary>
    public string Address => $"swtpm:unix:{Path.Combine(directory, "tpm")}";

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
        process = Start("swtpm", "socket", "--tpm2", "--tpmstate", $"dir={Path.Combine(directory, "state")}", "--server", $"type=unixio,path={Path.Combine(directory, "tpm")}",
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
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(Path.Combine(directory, "tpm")));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
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
