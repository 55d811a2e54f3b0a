// One bench a name. Each prints ratios measured in one run, medians first; absolute times are for the curious.
return args switch
{
    ["decode"] => Strongroom.Benchmarks.Decode.Run(),
    ["evidence"] => Strongroom.Benchmarks.Evidence.Run(),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: dotnet run -c Release --project bench/Strongroom.Benchmarks -- NAME   (see docs/performance.md)");
    return 64;
}
