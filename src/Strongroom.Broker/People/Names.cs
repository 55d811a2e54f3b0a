using System.Text;

namespace Strongroom.Broker.People;

/// <summary>What people are called. The one place with personal data: the ledger knows random ids, and a name that is deleted here is gone.</summary>
internal sealed class Names(Table table)
{
    public const int MaxLength = 200;

    public string? Of(string person) => table.Find(person) is { } utf8 ? Encoding.UTF8.GetString(utf8) : null;

    public void Set(string person, string name) => table.Put(person, Encoding.UTF8.GetBytes(name));

    public void Delete(string person) => table.Delete(person);
}
