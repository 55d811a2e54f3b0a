namespace Strongroom.Attestation.Dcap;

/// <summary>How current a platform is, in Intel's words, from best to worst (PCS API v4, tcbStatus; the two on relaunching come from comparing SVNs).</summary>
internal enum TcbStatus
{
    UpToDate,
    SWHardeningNeeded,
    ConfigurationNeeded,
    ConfigurationAndSWHardeningNeeded,
    TDRelaunchAdvised,
    TDRelaunchAdvisedConfigurationNeeded,
    OutOfDate,
    OutOfDateConfigurationNeeded,

    /// <summary>No policy can accept it.</summary>
    Revoked,
}

/// <summary>Makes one status out of several, the worst of them winning, in the order of Intel's quote verification library (section 4.1.2.4.17 of its comments; TcbLevelCheck.cpp).</summary>
internal static class TcbConvergence
{
    /// <summary>Statuses that an entry of TCB info can have; null for any other word.</summary>
    public static TcbStatus? OfPlatform(string word) =>
        Enum.TryParse<TcbStatus>(word, out var status) && status.ToString() == word && status is not (TcbStatus.TDRelaunchAdvised or TcbStatus.TDRelaunchAdvisedConfigurationNeeded) ? status : null;

    /// <summary>Statuses that a TDX module or a quoting enclave can have.</summary>
    public static TcbStatus? OfModule(string word) => OfPlatform(word) is { } status and (TcbStatus.UpToDate or TcbStatus.OutOfDate or TcbStatus.Revoked) ? status : null;

    /// <param name="status">So far.</param>
    /// <param name="part">Of the TDX module or of the quoting enclave: UpToDate, OutOfDate or Revoked.</param>
    public static TcbStatus With(this TcbStatus status, TcbStatus part) => part switch
    {
        TcbStatus.Revoked => TcbStatus.Revoked,
        TcbStatus.UpToDate => status,
        _ => status switch
        {
            TcbStatus.UpToDate or TcbStatus.SWHardeningNeeded => TcbStatus.OutOfDate,
            TcbStatus.ConfigurationNeeded or TcbStatus.ConfigurationAndSWHardeningNeeded => TcbStatus.OutOfDateConfigurationNeeded,
            // Intel's library leaves these two as they are. They rest on the quoting enclave being current, so that this line is never reached by them; were it, the worse word is right.
            TcbStatus.TDRelaunchAdvised => TcbStatus.OutOfDate,
            TcbStatus.TDRelaunchAdvisedConfigurationNeeded => TcbStatus.OutOfDateConfigurationNeeded,
            _ => status,
        },
    };

    /// <summary>
    /// A domain of TDX 1.5 that was started under an old module, on a platform that has a new one by now: it is enough to start it again. Holds only where the module alone is what is out of
    /// date, and what would be there after a new start (TEE_TCB_SVN2) is the newest there is.
    /// </summary>
    /// <param name="sgx">Status of the level that the platform's SGX components reach.</param>
    /// <param name="tdx">Of the level that the domain's components reach too, with the module's already in it.</param>
    /// <param name="module">Of the module.</param>
    /// <param name="qe">Of the quoting enclave; null where it is none that is supported.</param>
    /// <param name="newestAfterRelaunch">Whether TEE_TCB_SVN2 reaches the newest level.</param>
    public static TcbStatus WithRelaunch(TcbStatus sgx, TcbStatus tdx, TcbStatus module, TcbStatus? qe, bool newestAfterRelaunch)
    {
        var advised = qe == TcbStatus.UpToDate
            && sgx is TcbStatus.UpToDate or TcbStatus.SWHardeningNeeded or TcbStatus.ConfigurationNeeded or TcbStatus.ConfigurationAndSWHardeningNeeded
            && tdx is TcbStatus.OutOfDate or TcbStatus.OutOfDateConfigurationNeeded
            && module == TcbStatus.OutOfDate && newestAfterRelaunch;
        if (!advised) return tdx;
        var configuration = tdx == TcbStatus.OutOfDateConfigurationNeeded || sgx is TcbStatus.ConfigurationNeeded or TcbStatus.ConfigurationAndSWHardeningNeeded;
        return configuration ? TcbStatus.TDRelaunchAdvisedConfigurationNeeded : TcbStatus.TDRelaunchAdvised;
    }
}
