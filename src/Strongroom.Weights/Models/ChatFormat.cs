using System.Text;
using System.Text.Json;
using Strongroom.Bytes;
using Strongroom.Weights.Formats;

namespace Strongroom.Weights.Models;

/// <summary>
/// How a conversation is written for a model. Templates that models bring along are programs, so none is run: three known forms, or plain text.
/// </summary>
public enum ChatFormat
{
    /// <summary>The contents of all messages, joined by line ends: for models that were never taught to chat.</summary>
    Plain,

    /// <summary><c>&lt;|im_start|&gt;role\ncontent&lt;|im_end|&gt;\n</c></summary>
    ChatMl,

    /// <summary><c>&lt;s&gt;[INST] &lt;&lt;SYS&gt;&gt;\nsystem\n&lt;&lt;/SYS&gt;&gt;\n\nuser [/INST] answer &lt;/s&gt;</c></summary>
    Llama2,

    /// <summary><c>&lt;|start_header_id|&gt;role&lt;|end_header_id|&gt;\n\ncontent&lt;|eot_id|&gt;</c></summary>
    Llama3,
}

/// <summary>Which form a model's chat template writes, told from its text and the model's control tokens.</summary>
internal static class ChatTemplate
{
    private const int MaxBytes = 16 << 20;

    /// <summary>The template in tokenizer_config.json; the first one where it holds several.</summary>
    public static string? Read(ModelFile file)
    {
        using var json = file.Json(MaxBytes);
        return new JsonMembers(file.Name, json.RootElement)["chat_template"] switch
        {
            { ValueKind: JsonValueKind.String } text => text.GetString(),
            { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() > 0 => new JsonMembers(file.Name, list[0]).Text("template"),
            _ => null,
        };
    }

    /// <summary>A template in a file of its own.</summary>
    public static string ReadPage(ModelFile file)
    {
        if (file.Length > MaxBytes) throw new MalformedException(MaxBytes, $"{file.Name}: longer than {MaxBytes} bytes");
        return Encoding.UTF8.GetString(file.Slice(0, (int)file.Length, "the template"));
    }

    /// <summary>A model without a template gets plain text even where its vocabulary has turns: it may never have been taught to use them.</summary>
    public static ChatFormat Detect(Tokenizer tokenizer, string? template)
    {
        bool Writes(params ReadOnlySpan<string> controls)
        {
            foreach (var control in controls)
                if (tokenizer.Control(control) is null || template?.Contains(control, StringComparison.Ordinal) != true) return false;
            return true;
        }

        if (Writes("<|im_start|>", "<|im_end|>")) return ChatFormat.ChatMl;
        if (Writes("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")) return ChatFormat.Llama3;
        return template?.Contains("[INST]", StringComparison.Ordinal) == true && template.Contains("<<SYS>>", StringComparison.Ordinal)
            ? ChatFormat.Llama2
            : ChatFormat.Plain;
    }
}
