using System.Globalization;
using Strongroom.Enclave.Hardening;

CleanStart.Ensure();
return args switch
{
    [Guardian.Verb, var enclave] => Guardian.Run(int.Parse(enclave, CultureInfo.InvariantCulture)),
    _ => 64,
};

public partial class Program;
