using Microsoft.Extensions.Logging;
using Strongroom.Bytes;

namespace Strongroom.Broker.Tests;

/// <summary>What who runs the broker reads in its log.</summary>
public sealed class ProblemsLogTests
{
    [Fact]
    public void What_is_away_is_one_line_since_every_enclave_asks_again_until_it_is_back()
    {
        var log = new Kept();
        Problems.Tell(log, "POST", "/v1/leases/lease-1/renewals", new UnavailableException("endorsements are missing or stale"));
        Assert.Equal([(LogLevel.Warning, "POST /v1/leases/lease-1/renewals: unavailable: endorsements are missing or stale", null)], log.Lines);
    }

    [Fact]
    public void What_goes_wrong_here_says_where()
    {
        var (log, bug) = (new Kept(), new InvalidOperationException("a bug"));
        Problems.Tell(log, "GET", "/v1/machines", bug);
        Assert.Equal([(LogLevel.Error, "GET /v1/machines failed", bug)], log.Lines);
    }

    [Fact]
    public void Strangers_write_nothing()
    {
        var log = new Kept();
        Problems.Tell(log, "POST", "/v1/releases", new MalformedException(0, "none"));
        Assert.Empty(log.Lines);
    }

    private sealed class Kept : ILogger
    {
        public List<(LogLevel, string, Exception?)> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add((logLevel, formatter(state, exception), exception));
    }
}
