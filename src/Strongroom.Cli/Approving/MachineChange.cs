using System.Globalization;
using System.Text.Json.Nodes;
using Strongroom.Attestation.Composite;
using Strongroom.Bytes;
using Strongroom.Facts;

namespace Strongroom.Cli.Approving;

/// <summary>
/// That a request is for another machine than the one that people approved last. What machines measure says nothing of which they are, so another chip in the same image
/// would pass for the one that is known; both enrolments are proved in the witnessed ledger.
/// </summary>
internal sealed record MachineChange(EnrolMachine Before, EnrolMachine After)
{
    /// <returns>Null where it is the same machine.</returns>
    /// <exception cref="RefusedException">The broker shows an enrolment that is none of that machine.</exception>
    internal static async Task<MachineChange?> BetweenAsync(Session session, string before, string after, CancellationToken cancel)
    {
        if (before == after) return null;
        var machines = (await session.Broker.MachinesAsync(cancel)).ToLookup(machine => machine.Machine, machine => machine.Index);
        return new(await EnrolmentAsync(before), await EnrolmentAsync(after));

        async Task<EnrolMachine> EnrolmentAsync(string machine) =>
            machines[machine].ToList() is [var index] && await session.RecordAsync(index, cancel) is CommandRecord { Command: EnrolMachine enrol } && enrol.Machine == machine
                ? enrol
                : throw new RefusedException($"the broker does not show where {machine} was enrolled: sign nothing, and ask who runs it");
    }

    internal IEnumerable<string> Words
    {
        get
        {
            yield return $"ANOTHER MACHINE: {After.Machine}, enrolled by {After.By} on {Timestamp.Format(After.At)}";
            if (Before.Kind != After.Kind) yield return $"  evidence: {Before.Kind} -> {After.Kind}";
            if (Identities is not (var before, var after)) yield break;
            if (before.Cpu == after.Cpu) yield return $"  the same processor: {after.Cpu}";
            else
            {
                yield return $"  processor before {before.Cpu}"; // 128 digits each: side by side nobody sees what differs
                yield return $"  processor now    {after.Cpu}";
            }
            if (before.Devices.Count + after.Devices.Count > 0)
                yield return string.Create(CultureInfo.InvariantCulture, $"  devices: {before.Devices.Count} -> {after.Devices.Count}, {NewDevices(before, after)} of them were not there before");
        }
    }

    internal JsonObject ToJson()
    {
        var json = new JsonObject { ["before"] = Before.Machine, ["after"] = After.Machine, ["enrolled_by"] = After.By, ["enrolled_at"] = Timestamp.Format(After.At) };
        if (Identities is not (var before, var after)) return json;
        json["processor"] = new JsonObject { ["before"] = before.Cpu, ["after"] = after.Cpu };
        json["devices"] = new JsonObject { ["before"] = before.Devices.Count, ["after"] = after.Devices.Count, ["new"] = NewDevices(before, after) };
        return json;
    }

    private (MachineIdentity Before, MachineIdentity After)? Identities =>
        CompositeEvidence.CpuKinds.Contains(Before.Kind) && CompositeEvidence.CpuKinds.Contains(After.Kind)
            ? (MachineIdentity.Parse(Before.AttestationKey.Span), MachineIdentity.Parse(After.AttestationKey.Span))
            : null;

    private static int NewDevices(MachineIdentity before, MachineIdentity after) => after.Devices.Except(before.Devices).Count();
}
