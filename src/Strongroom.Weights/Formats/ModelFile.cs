using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;
using Strongroom.Bytes;

namespace Strongroom.Weights.Formats;

/// <summary>One file of a model as a region of memory. Whoever made the region keeps it mapped and unchanged while anything reads from it.</summary>
/// <param name="Name">Name relative to the model's folder, with forward slashes.</param>
/// <param name="Address">Address of the first byte.</param>
/// <param name="Length">Length in bytes.</param>
public readonly unsafe record struct ModelFile(string Name, nint Address, long Length)
{
    /// <exception cref="MalformedException">The range does not lie within the file.</exception>
    public ReadOnlySpan<byte> Slice(long offset, int count, string what) => new((byte*)At(offset, count, what), count);

    /// <summary>The address of a range that lies within the file.</summary>
    /// <exception cref="MalformedException">It does not.</exception>
    public nint At(long offset, long count, string what)
    {
        if (offset < 0 || count < 0 || offset > Length || count > Length - offset)
            throw new MalformedException(offset, $"{Name}: {what} needs {count} bytes at {offset}, the file has {Length}");
        return (nint)(Address + offset);
    }

    internal ulong U64(long offset, string what) => BinaryPrimitives.ReadUInt64LittleEndian(Slice(offset, 8, what));

    /// <summary>Reads JSON where it lies. No comments, no trailing commas, no member twice.</summary>
    internal JsonDocument Json(long offset, int count, string what)
    {
        try
        {
            var memory = new Region((byte*)At(offset, count, what), count).Memory;
            if (!Utf8.IsValid(memory.Span)) throw new MalformedException(offset, $"{Name}: {what} is not UTF-8");
            CheckEscapes(memory.Span);
            return JsonDocument.Parse(memory, new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException e)
        {
            throw new MalformedException(offset + (e.BytePositionInLine ?? 0), $"{Name}: {what} is not JSON, or names a member twice");
        }
    }

    /// <summary>The whole file as JSON.</summary>
    internal JsonDocument Json(int maxBytes)
    {
        if (Length > maxBytes) throw new MalformedException(maxBytes, $"{Name}: longer than {maxBytes} bytes");
        return Json(0, (int)Length, "the file");
    }

    /// <summary>An escaped half of a surrogate pair is JSON but no text; found here, before anything reads it as a string.</summary>
    private static void CheckEscapes(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (!reader.ValueIsEscaped) continue;
            try
            {
                reader.GetString();
            }
            catch (InvalidOperationException)
            {
                throw new JsonException("half a surrogate pair", null, null, reader.TokenStartIndex);
            }
        }
    }

    private sealed class Region(byte* pointer, int length) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan() => new(pointer, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new(pointer + elementIndex);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
