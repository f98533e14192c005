"""A plain batched sampler, only for measuring while training; forkeval's engine is the real one."""

from __future__ import annotations

import torch
from torch import Tensor

from . import tokenization
from .model import Layer, TinyLlama, rotary


def _pick(logits: Tensor, temperature: float, top_p: float, generator: torch.Generator) -> Tensor:
    """One id a row from float32 logits [rows, vocabulary]."""
    probabilities = torch.softmax(logits / temperature, dim=-1)
    if top_p < 1.0:
        ordered, ids = probabilities.sort(dim=-1, descending=True)
        ordered[ordered.cumsum(-1) - ordered >= top_p] = 0.0
        choice = torch.multinomial(ordered, 1, generator=generator)
        return ids.gather(1, choice)[:, 0]
    return torch.multinomial(probabilities, 1, generator=generator)[:, 0]


def _decode_step(
    model: TinyLlama, ids: Tensor, at: Tensor, keys: list[Tensor], values: list[Tensor]
) -> Tensor:
    """One token a row at positions ``at`` [rows]; caches are [rows, length, kv_heads, d]."""
    config = model.config
    rows = torch.arange(len(ids), device=ids.device)
    hidden_keys = torch.arange(keys[0].shape[1], device=ids.device)[None] > at[:, None]
    cos, sin = rotary(at[:, None], config)
    x = model.model.embed_tokens(ids[:, None])
    for index, layer in enumerate(model.model.layers):
        assert isinstance(layer, Layer)
        attention = layer.self_attn
        q, k, v = attention.project(layer.input_layernorm(x), cos, sin)
        keys[index][rows, at] = k[:, 0]
        values[index][rows, at] = v[:, 0]
        grouped = q.view(len(ids), config.kv_heads, -1, config.head_dim)
        scores = torch.einsum("rhgd,rlhd->rhgl", grouped, keys[index]) / config.head_dim**0.5
        scores = scores.float().masked_fill(hidden_keys[:, None, None], float("-inf"))
        mixed = torch.einsum("rhgl,rlhd->rhgd", scores.softmax(-1).to(x.dtype), values[index])
        x = x + attention.o_proj(mixed.reshape(len(ids), 1, -1))
        x = x + layer.mlp(layer.post_attention_layernorm(x))
    return model.logits(x[:, 0])


@torch.inference_mode()
def sample(
    model: TinyLlama,
    prompts: list[list[int]],
    n: int,
    *,
    temperature: float,
    top_p: float,
    max_new_tokens: int,
    seed: int,
    rows: int = 8192,
) -> list[list[list[int]]]:
    """``n`` completions (ids without the end token) of each prompt.

    A completion that reaches ``max_new_tokens`` is returned as it is, unfinished.
    """
    device = next(model.parameters()).device
    generator = torch.Generator(device=device).manual_seed(seed)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    done: list[list[list[int]]] = [[] for _ in prompts]
    each = max(1, rows // n)
    for start in range(0, len(order), each):
        group = order[start : start + each]
        lengths = torch.tensor([len(prompts[i]) for i in group], device=device)
        width = int(lengths.max())
        ids = torch.full((len(group), width), tokenization.PAD_ID, device=device)
        for row, i in enumerate(group):
            ids[row, : len(prompts[i])] = torch.tensor(prompts[i], device=device)
        cos, sin = rotary(torch.arange(width, device=device), model.config)
        x = model.model.embed_tokens(ids)
        keys, values = [], []
        for layer in model.model.layers:
            x, k, v = layer(x, cos, sin)
            room = k.new_zeros(len(group) * n, max_new_tokens, *k.shape[2:])
            keys.append(torch.cat([k.repeat_interleave(n, 0), room], 1))
            values.append(torch.cat([v.repeat_interleave(n, 0), room], 1))
        logits = model.logits(x[torch.arange(len(group), device=device), lengths - 1])
        logits = logits.repeat_interleave(n, 0)
        at = lengths.repeat_interleave(n)
        owner = torch.arange(len(group) * n, device=device)
        output = torch.full(
            (len(group) * n, max_new_tokens), tokenization.EOS_ID, dtype=torch.int16, device=device
        )
        for step in range(max_new_tokens):
            new = _pick(logits, temperature, top_p, generator)
            output[owner, step] = new.to(torch.int16)
            if step == max_new_tokens - 1:
                break
            if step % 16 == 15:
                # Finished rows leave the batch, so that the long tail is cheap.
                keep = ~(output[owner, : step + 1] == tokenization.EOS_ID).any(1)
                if not bool(keep.any()):
                    break
                new, at, owner = new[keep], at[keep], owner[keep]
                keys = [k[keep] for k in keys]
                values = [v[keep] for v in values]
            logits = _decode_step(model, new, at, keys, values)
            at = at + 1
        for row, tokens in enumerate(output.cpu().tolist()):
            end = tokens.index(tokenization.EOS_ID) if tokenization.EOS_ID in tokens else None
            done[group[row // n]].append(tokens[:end])
    return done
