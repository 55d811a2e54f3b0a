#!/usr/bin/python3
"""Trains the sample model from nothing: a Llama-architecture model on the King James Bible that Debian ships.

    apt-get install python3-torch libopenblas0-pthread bible-kjv bible-kjv-text
    samples/train.py samples/kjv

Writes config.json, tokenizer.json and model.safetensors (bf16) into the folder named. One core, about half an hour.
"""
import argparse, collections, json, math, pathlib, re, struct, subprocess, time

import torch
import torch.nn.functional as F

VOCABULARY, DIM, LAYERS, HEADS, KV_HEADS, HIDDEN, CONTEXT = 1024, 192, 4, 6, 2, 512, 256
HEAD_DIM, THETA, EPSILON = DIM // HEADS, 10000.0, 1e-5
END = "<|endoftext|>"
# The GPT-2 pre-tokenizer, for a text that holds ASCII only.
WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")


def read_text():
    """Chapters, one verse a line; the reference in front of each verse (Ge1:1) is dropped."""
    output = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], stdin=subprocess.DEVNULL, capture_output=True, check=True, text=True).stdout
    chapters = {}
    for line in output.splitlines():
        reference, verse = line.split(" ", 1)
        chapters.setdefault(reference.split(":")[0], []).append(" ".join(verse.split()))
    return ["\n".join(verses) for verses in chapters.values()]


def byte_letters():
    """GPT-2's printable stand-in for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


def learn_merges(chapters, count):
    """Byte-pair encoding: join the commonest adjacent pair, count times."""
    letters = byte_letters()
    words = collections.Counter(word for chapter in chapters for word in WORDS.findall(chapter))
    split = {word: [letters[b] for b in word.encode()] for word in words}
    merges = []
    for _ in range(count):
        pairs = collections.Counter()
        for word, parts in split.items():
            for pair in zip(parts, parts[1:]):
                pairs[pair] += words[word]
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        for parts in split.values():
            join(parts, best)
    vocabulary = [END, *letters.values(), *(a + b for a, b in merges)]
    return {token: i for i, token in enumerate(vocabulary)}, merges, split


def join(parts, pair):
    i = 0
    while i < len(parts) - 1:
        if (parts[i], parts[i + 1]) == pair:
            parts[i : i + 2] = [pair[0] + pair[1]]
        i += 1


def tokenizer_json(vocabulary, merges):
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": 0, "content": END, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "vocab": vocabulary, "merges": [f"{a} {b}" for a, b in merges]},
    }


def config_json():
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": DIM, "intermediate_size": HIDDEN,
        "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "vocab_size": VOCABULARY,
        "max_position_embeddings": CONTEXT, "rms_norm_eps": EPSILON, "rope_theta": THETA, "hidden_act": "silu", "attention_bias": False,
        "tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": 0, "torch_dtype": "bfloat16",
    }


def new_weights():
    weights = {"model.embed_tokens.weight": torch.randn(VOCABULARY, DIM) * 0.02, "model.norm.weight": torch.ones(DIM)}
    for i in range(LAYERS):
        for name, rows, columns in [
            ("self_attn.q_proj", DIM, DIM), ("self_attn.k_proj", KV_HEADS * HEAD_DIM, DIM), ("self_attn.v_proj", KV_HEADS * HEAD_DIM, DIM),
            ("self_attn.o_proj", DIM, DIM), ("mlp.gate_proj", HIDDEN, DIM), ("mlp.up_proj", HIDDEN, DIM), ("mlp.down_proj", DIM, HIDDEN),
        ]:
            deep = math.sqrt(2 * LAYERS) if name.endswith(("o_proj", "down_proj")) else 1
            weights[f"model.layers.{i}.{name}.weight"] = torch.randn(rows, columns) / math.sqrt(columns) / deep
        weights[f"model.layers.{i}.input_layernorm.weight"] = torch.ones(DIM)
        weights[f"model.layers.{i}.post_attention_layernorm.weight"] = torch.ones(DIM)
    return {name: weight.requires_grad_() for name, weight in weights.items()}


def rope_tables(length):
    frequencies = THETA ** (-torch.arange(0, HEAD_DIM, 2) / HEAD_DIM)
    angles = torch.arange(length)[:, None] * frequencies[None, :]
    return torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)


def rotate(x, tables):
    a, b = x.chunk(2, -1)
    return x * tables[0] + torch.cat([-b, a], -1) * tables[1]


def norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON) * weight


def logits(weights, tokens):
    batch, length = tokens.shape
    tables = rope_tables(length)
    mask = torch.full((length, length), -math.inf).triu(1)
    x = F.embedding(tokens, weights["model.embed_tokens.weight"])
    for i in range(LAYERS):
        w = lambda name: weights[f"model.layers.{i}.{name}.weight"]
        heads = lambda y, n: y.float().view(batch, length, n, HEAD_DIM).transpose(1, 2)
        h = norm(x, w("input_layernorm"))
        q = rotate(heads(F.linear(h, w("self_attn.q_proj")), HEADS), tables)
        k = rotate(heads(F.linear(h, w("self_attn.k_proj")), KV_HEADS), tables).repeat_interleave(HEADS // KV_HEADS, 1)
        v = heads(F.linear(h, w("self_attn.v_proj")), KV_HEADS).repeat_interleave(HEADS // KV_HEADS, 1)
        scores = torch.matmul(q, k.transpose(2, 3)).float() / math.sqrt(HEAD_DIM) + mask
        mixed = torch.matmul(scores.softmax(-1), v).transpose(1, 2).reshape(batch, length, DIM)
        x = x + F.linear(mixed, w("self_attn.o_proj"))
        h = norm(x, w("post_attention_layernorm"))
        x = x + F.linear(F.silu(F.linear(h, w("mlp.gate_proj"))) * F.linear(h, w("mlp.up_proj")), w("mlp.down_proj"))
    return F.linear(norm(x, weights["model.norm.weight"]), weights["model.embed_tokens.weight"])


def loss_of(weights, windows):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = logits(weights, windows[:, :-1])
    return F.cross_entropy(out.float().reshape(-1, VOCABULARY), windows[:, 1:].reshape(-1))


def train(weights, tokens, held_out, steps, batch, rate):
    matrices = [w for w in weights.values() if w.dim() == 2]
    vectors = [w for w in weights.values() if w.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}], lr=rate, betas=(0.9, 0.98))
    started = time.monotonic()
    for step in range(steps):
        warm, left = min(1.0, (step + 1) / 100), 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = rate * warm * (0.05 + 0.95 * left)
        starts = torch.randint(len(tokens) - CONTEXT - 1, (batch,))
        loss = loss_of(weights, torch.stack([tokens[s : s + CONTEXT + 1] for s in starts]))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
        optimizer.step()
        if step % 100 == 99 or step == 9:
            print(f"step {step + 1:5}  loss {loss.item():.3f}  held out {held_out_loss(weights, held_out):.3f}  {time.monotonic() - started:.0f} s", flush=True)


@torch.no_grad()
def held_out_loss(weights, tokens):
    windows = tokens[: len(tokens) // (CONTEXT + 1) * (CONTEXT + 1)].view(-1, CONTEXT + 1)[:32]
    return loss_of(weights, windows).item()


def write_safetensors(path, weights):
    header, offset, parts = {"__metadata__": {"format": "pt"}}, 0, []
    for name in sorted(weights):
        data = weights[name].detach().to(torch.bfloat16).contiguous()
        parts.append(data.view(torch.int16).numpy().astype("<i2").tobytes())
        header[name] = {"dtype": "BF16", "shape": list(data.shape), "data_offsets": [offset, offset + len(parts[-1])]}
        offset += len(parts[-1])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--steps", type=int, default=4800)
    arguments.add_argument("--batch", type=int, default=8)
    arguments.add_argument("--rate", type=float, default=2e-3)
    arguments.add_argument("--seed", type=int, default=1611)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)

    chapters = read_text()
    vocabulary, merges, split = learn_merges(chapters, VOCABULARY - 257)
    encode = lambda chapter: [0] + [vocabulary[part] for word in WORDS.findall(chapter) for part in split[word]]
    kept = [c for i, c in enumerate(chapters) if i % 50 != 25]
    held = [c for i, c in enumerate(chapters) if i % 50 == 25]
    tokens = torch.tensor([t for c in kept for t in encode(c)])
    held_out = torch.tensor([t for c in held for t in encode(c)])
    weights = new_weights()
    print(f"{sum(w.numel() for w in weights.values()):,} parameters, {len(tokens):,} tokens, {len(held_out):,} held out", flush=True)

    options.folder.mkdir(parents=True, exist_ok=True)
    (options.folder / "tokenizer.json").write_text(json.dumps(tokenizer_json(vocabulary, merges), indent=1, ensure_ascii=False) + "\n")
    (options.folder / "config.json").write_text(json.dumps(config_json(), indent=1) + "\n")
    train(weights, tokens, held_out, options.steps, options.batch, options.rate)
    rounded = {name: w.detach().to(torch.bfloat16).float() for name, w in weights.items()}
    print(f"held out, as written in bf16: {held_out_loss(rounded, held_out):.3f} nats a token")
    write_safetensors(options.folder / "model.safetensors", weights)


if __name__ == "__main__":
    main()
