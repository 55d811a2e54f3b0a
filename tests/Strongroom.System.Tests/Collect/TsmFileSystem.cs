using System.Buffers.Binary;
using System.Text;

namespace Strongroom.System.Tests.Collect;

/// <summary>
/// configfs-tsm behind the real system calls: a file system whose kernel side is Linux's FUSE (include/uapi/linux/fuse.h, 7.31) and whose other side is this. mkdir makes an
/// entry with its files and rmdir takes both away, as in configfs; nothing is cached, so every read and write of a program comes here.
/// </summary>
internal sealed class TsmFileSystem(FileStream device, Func<TsmModule> module)
{
    private const ulong Directory = 0x41ED, File = 0x81A4; // S_IFDIR | 0755, S_IFREG | 0644
    private const int NotImplemented = 38, Broken = 5; // ENOSYS, EIO
    private const int RequestHeader = 40, ReplyHeader = 16;
    private const ulong Root = 1;

    private readonly Dictionary<ulong, (ulong Parent, string Name, TsmEntry Entry)> nodes = []; // an entry's parent is the root, a file's its entry
    private ulong last = Root;

    /// <summary>What went wrong in the module; the program was told that the device is broken.</summary>
    internal Exception? Failure { get; private set; }

    /// <summary>Answers until it is mounted nowhere any more.</summary>
    internal void Serve()
    {
        var request = new byte[64 * 1024];
        while (true)
        {
            int length;
            try
            {
                length = device.Read(request);
            }
            catch (IOException e) when (e.HResult == 2) // ENOENT: who asked is gone
            {
                continue;
            }
            catch (IOException) // ENODEV
            {
                return;
            }
            Answer(request.AsSpan(0, length));
        }
    }

    private void Answer(ReadOnlySpan<byte> request)
    {
        var (operation, unique, node) = (U32(request, 4), U64(request, 8), U64(request, 16));
        if (operation is 2 or 42) return; // FORGET and BATCH_FORGET await nothing
        byte[] reply = [];
        var error = 0;
        try
        {
            reply = Reply(operation, node, request[RequestHeader..]);
        }
        catch (TsmRefusal e)
        {
            error = e.Errno;
        }
        catch (Exception e)
        {
            (Failure, error) = (e, Broken);
        }
        device.Write([.. Words((uint)(ReplyHeader + reply.Length) | (ulong)unchecked((uint)-error) << 32, unique), .. reply]);
    }

    private byte[] Reply(uint operation, ulong node, ReadOnlySpan<byte> body) => operation switch
    {
        1 => Entry(Find(node, Name(body))), // LOOKUP
        3 or 4 => [.. Words(0, 0), .. Attributes(node)], // GETATTR, SETATTR
        9 => Entry(Make(Name(body[8..]))), // MKDIR
        11 => Remove(Name(body)), // RMDIR
        14 or 27 => Words(0, 1), // OPEN, OPENDIR: FOPEN_DIRECT_IO, so that no size is believed
        15 => Read(node, U64(body, 8), U32(body, 16)), // READ
        16 => Write(node, body.Slice(40, (int)U32(body, 16))), // WRITE
        18 or 20 or 25 or 28 or 29 => [], // RELEASE, FSYNC, FLUSH, READDIR, RELEASEDIR
        26 => Words(7 | 31ul << 32, 0, 4096ul << 32, 0, 0, 0, 0, 0), // INIT: the version, no flags, max_write
        _ => throw new TsmRefusal(NotImplemented),
    };

    private ulong Make(string name)
    {
        nodes.Add(++last, (Root, name, new(module)));
        return last;
    }

    private byte[] Remove(string name)
    {
        var gone = Find(Root, name);
        foreach (var id in nodes.Where(each => each.Key == gone || each.Value.Parent == gone).Select(each => each.Key).ToList()) nodes.Remove(id);
        return [];
    }

    private ulong Find(ulong parent, string name)
    {
        var known = nodes.FirstOrDefault(each => each.Value.Parent == parent && each.Value.Name == name).Key;
        if (known != 0) return known;
        if (parent == Root || !nodes[parent].Entry.Files.ContainsKey(name)) throw new TsmRefusal(TsmEntry.NotThere);
        nodes.Add(++last, (parent, name, nodes[parent].Entry));
        return last;
    }

    private byte[] Read(ulong node, ulong offset, uint size)
    {
        var content = nodes[node].Entry.Read(nodes[node].Name);
        return [.. content.Skip((int)Math.Min(offset, int.MaxValue)).Take((int)size)];
    }

    private byte[] Write(ulong node, ReadOnlySpan<byte> value)
    {
        nodes[node].Entry.Write(nodes[node].Name, value);
        return Words((uint)value.Length);
    }

    /// <summary>Never valid for any time: the kernel asks again.</summary>
    private byte[] Entry(ulong node) => [.. Words(node, 0, 0, 0, 0), .. Attributes(node)];

    private byte[] Attributes(ulong node)
    {
        var isFile = node != Root && nodes[node].Parent != Root;
        var size = isFile && nodes[node].Entry.Files[nodes[node].Name] ? 4096u : 0;
        return Words(node, size, 0, 0, 0, 0, 0, (isFile ? File : Directory) << 32, 1, 0, 0); // st_mode lies above a half word, and one link
    }

    /// <summary>Every structure of a reply, as the 64-bit words that it consists of.</summary>
    private static byte[] Words(params ReadOnlySpan<ulong> words)
    {
        var bytes = new byte[words.Length * sizeof(ulong)];
        for (var i = 0; i < words.Length; i++) BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * sizeof(ulong)), words[i]);
        return bytes;
    }

    private static string Name(ReadOnlySpan<byte> text) => Encoding.UTF8.GetString(text[..text.IndexOf((byte)0)]);

    private static uint U32(ReadOnlySpan<byte> at, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(at[offset..]);

    private static ulong U64(ReadOnlySpan<byte> at, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(at[offset..]);
}
