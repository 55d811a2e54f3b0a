using Strongroom.Broker;

if (BrokerOptions.Parse(args) is not { } options)
{
    Console.Error.WriteLine(BrokerOptions.Usage);
    return 64;
}
Hardening.Apply();
return 70;

public partial class Program;
