// One bench a name. Each prints ratios measured in one run, medians first; absolute times are for the curious.
return args switch
{
    ["open"] => Strongroom.Benchmarks.Open.Run(4096),
    ["open", var mebibytes] => Strongroom.Benchmarks.Open.Run(long.Parse(mebibytes)),
    ["seal"] => Strongroom.Benchmarks.Seal.Run(1024),
    ["seal", var mebibytes] => Strongroom.Benchmarks.Seal.Run(long.Parse(mebibytes)),
    ["decode"] => Strongroom.Benchmarks.Decode.Run(),
    ["ready"] => Strongroom.Benchmarks.Ready.Run(),
    ["guarded"] => Strongroom.Benchmarks.Guarded.Run(),
    ["appraise-snp"] => Strongroom.Benchmarks.AppraiseSnp.Run(),
    ["evidence"] => Strongroom.Benchmarks.Evidence.Run(),
    ["appraise-quote"] => Strongroom.Benchmarks.AppraiseQuote.Run(),
    ["appraise-nitro", var document] => Strongroom.Benchmarks.AppraiseNitro.Run(document),
    ["appraise-nvidia", var folder] => Strongroom.Benchmarks.AppraiseNvidia.Run(folder),
    ["release"] => await Strongroom.Benchmarks.Release.RunAsync(),
    ["ledger"] => await Strongroom.Benchmarks.LedgerBench.RunAsync(),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: dotnet run -c Release --project bench/Strongroom.Benchmarks -- NAME   (see docs/performance.md)");
    return 64;
}
