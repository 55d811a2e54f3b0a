using System.Text;
using Strongroom.Bytes;
using Strongroom.Ledger;

namespace Strongroom.Tests.Ledger;

public sealed class LedgerStoreTests
{
    [Fact]
    public async Task A_receipt_of_every_entry_convinces_a_stranger()
    {
        await using var ledger = await MemoryLedger.OpenedAsync();
        var appended = await Task.WhenAll(Enumerable.Range(0, 70).Select(i => ledger.AppendAsync(Entry(i), [])));
        for (var i = 0; i < appended.Length; i++)
        {
            Assert.Equal(i, appended[i].Index);
            LedgerReceipt.Check(Entry(i), appended[i].Proof, ledger.Trust);
            LedgerReceipt.Check(Entry(i), (await ledger.ReceiptAsync(i)).Proof, ledger.Trust);
            Assert.Throws<RefusedException>(() => LedgerReceipt.Check(Entry(i + 1), appended[i].Proof, ledger.Trust));
        }
    }

    [Fact]
    public async Task A_full_disk_fails_the_append_and_not_the_ledger()
    {
        await using var ledger = await MemoryLedger.OpenedAsync();
        await ledger.AppendAsync(Entry(0), []);
        ledger.Full = true;
        await Assert.ThrowsAsync<AppendFailedException>(() => ledger.AppendAsync(Entry(1), []));
        ledger.Full = false;
        Assert.Equal(1, (await ledger.AppendAsync(Entry(2), [])).Index);
        Assert.False(ledger.Broken.IsCompleted);
    }

    internal static byte[] Entry(int i) => Encoding.ASCII.GetBytes($$"""{"n":{{i}}}""");
}
