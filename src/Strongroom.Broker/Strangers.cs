namespace Strongroom.Broker;

/// <summary>What was turned away and leaves no record: counted, so that an operator sees a flood, and nothing else, so that a flood fills nothing.</summary>
internal sealed class Strangers
{
    private long shed;

    public long Shed => Interlocked.Read(ref shed);

    public void Count() => Interlocked.Increment(ref shed);
}
