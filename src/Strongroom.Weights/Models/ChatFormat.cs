namespace Strongroom.Weights.Models;

/// <summary>How a conversation is written for a model. Templates that models bring along are programs, so none is run: four known forms, or plain text.</summary>
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
