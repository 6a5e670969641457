"""The two nested LLaMA-style stacks under the published tensor names, for training and batched sampling.

It reads no files. `net` sees one summed embedding an event; `net_token` sees that event's hidden state, then the
next event's tokens one by one. RMS norms, rotary positions (rotate-half), SwiGLU, no biases.
"""
from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

EPS = 1e-6


def rotary(length: int, size: int, device, theta: float = 10000.0) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sin, [length, size]."""
    inverse = theta ** (-torch.arange(0, size, 2, device=device, dtype=torch.float32) / size)
    angle = torch.arange(length, device=device, dtype=torch.float32)[:, None] * inverse
    angle = torch.cat([angle, angle], -1)
    return angle.cos(), angle.sin()


def turn(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    half = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin


class Cache:
    """Keys and values of one stack for sequences of unlike length, [layers, batch, heads, capacity, size]."""

    def __init__(self, stack: "Stack", batch: int, capacity: int, dtype: torch.dtype):
        device = stack.norm.weight.device
        shape = (len(stack.layers), batch, stack.heads, capacity, stack.size)
        self.k, self.v = torch.zeros(shape, device=device, dtype=dtype), torch.zeros(shape, device=device, dtype=dtype)
        self.length = torch.zeros(batch, dtype=torch.long, device=device)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        for name in "qkvo":
            setattr(self, f"{name}_proj", nn.Linear(width, width, bias=False))

    def forward(self, x, cos, sin, cache=None, layer=0):
        batch, length, width = x.shape
        q, k, v = (p(x).view(batch, length, self.heads, -1).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        q, k = turn(q, cos, sin).to(v.dtype), turn(k, cos, sin).to(v.dtype)
        if cache is None:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:  # rows are written at each sequence's own length; later columns are masked
            at = cache.length[:, None] + torch.arange(length, device=x.device)
            rows = torch.arange(batch, device=x.device)[:, None]
            cache.k[layer].transpose(1, 2)[rows, at] = k.transpose(1, 2).to(cache.k.dtype)
            cache.v[layer].transpose(1, 2)[rows, at] = v.transpose(1, 2).to(cache.v.dtype)
            seen = torch.arange(cache.k.shape[3], device=x.device) <= at[..., None]
            out = F.scaled_dot_product_attention(q, cache.k[layer].to(q.dtype), cache.v[layer].to(q.dtype), attn_mask=seen[:, None])
        return self.o_proj(out.transpose(1, 2).reshape(batch, length, width))


class FeedForward(nn.Module):
    def __init__(self, width: int, inner: int):
        super().__init__()
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Norm(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight, EPS)


class Layer(nn.Module):
    def __init__(self, width: int, heads: int, inner: int):
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.mlp = FeedForward(width, inner)
        self.input_layernorm = Norm(width)
        self.post_attention_layernorm = Norm(width)

    def forward(self, x, cos, sin, drop, cache=None, layer=0):
        x = x + F.dropout(self.self_attn(self.input_layernorm(x), cos, sin, cache, layer), drop, self.training)
        return x + F.dropout(self.mlp(self.post_attention_layernorm(x)), drop, self.training)


class Stack(nn.Module):
    """Embeddings [.., width] in, hidden states of the same shape out."""

    def __init__(self, vocabulary: int, width: int, layers: int, heads: int, inner: int, drop: float):
        super().__init__()
        self.embed_tokens = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(Layer(width, heads, inner) for _ in range(layers))
        self.norm = Norm(width)
        self.heads, self.size, self.drop = heads, width // heads, drop
        self.tables: tuple[torch.Tensor, torch.Tensor] | None = None

    def forward(self, x, cache: Cache | None = None):
        length = x.shape[1]
        need = length if cache is None else cache.k.shape[3]
        if self.tables is None or self.tables[0].shape[0] < need or self.tables[0].device != x.device:
            self.tables = rotary(need, self.size, x.device)
        cos, sin = self.tables
        if cache is None:
            cos, sin = cos[:length], sin[:length]
        else:
            at = cache.length[:, None] + torch.arange(length, device=x.device)
            cos, sin = cos[at][:, None], sin[at][:, None]
        for index, layer in enumerate(self.layers):
            x = layer(x, cos, sin, self.drop, cache, index)
        return self.norm(x)


class MidiModel(nn.Module):
    def __init__(self, config: dict, drop: float = 0.0):
        super().__init__()
        net, token = config["net_config"], config["net_token_config"]
        parts = [
            (c["vocab_size"], c["hidden_size"], c["num_hidden_layers"], c["num_attention_heads"], c["intermediate_size"])
            for c in (net, token)
        ]
        self.net = Stack(*parts[0], drop=drop)
        self.net_token = Stack(*parts[1], drop=drop / 2)
        self.lm_head = nn.Linear(config["n_embd"], token["vocab_size"], bias=False)
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02)

    def hidden(self, rows: torch.Tensor, cache: Cache | None = None) -> torch.Tensor:
        """rows int64 [batch, events, 8] -> [batch, events, width]. Pads are summed too, as the original does."""
        return self.net(self.net.embed_tokens(rows).sum(-2), cache)

    def token_hidden(self, hidden: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """hidden [n, width], tokens [n, k] of the next event -> [n, k + 1, width], before lm_head."""
        return self.net_token(torch.cat([hidden[:, None], self.net_token.embed_tokens(tokens).to(hidden.dtype)], 1))

    def token_losses(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """rows int64 [batch, events + 1, 8] -> negative log-likelihood and mask, both [batch, events, 8]."""
        hidden = self.hidden(rows[:, :-1])
        target = rows[:, 1:].reshape(-1, rows.shape[-1])
        out = self.token_hidden(hidden.reshape(-1, hidden.shape[-1]), target[:, :-1])
        logits = self.lm_head(out)
        loss = F.cross_entropy(logits.view(-1, logits.shape[-1]), target.reshape(-1), reduction="none")
        mask = target != 0
        shape = (*rows[:, 1:].shape,)
        return loss.view(shape), mask.view(shape)


def make_config(width: int, layers: int, heads: int, inner: int, token_layers: int, token_heads: int, token_inner: int) -> dict:
    """config.json as the published models have it, at these sizes."""
    import vocab

    def stack(n_layers: int, n_heads: int, n_inner: int) -> dict:
        return {
            "architectures": None, "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 1,
            "eos_token_id": 2, "head_dim": width // n_heads, "hidden_act": "silu", "hidden_size": width,
            "initializer_range": 0.02, "intermediate_size": n_inner, "max_position_embeddings": 4096,
            "mlp_bias": False, "model_type": "llama", "num_attention_heads": n_heads,
            "num_hidden_layers": n_layers, "num_key_value_heads": n_heads, "pad_token_id": 0,
            "rms_norm_eps": EPS, "rope_scaling": None, "rope_theta": 10000.0, "tie_word_embeddings": False,
            "use_cache": False, "vocab_size": vocab.VOCABULARY,
        }  # fmt: skip

    return {
        "architectures": ["MIDIModel"], "model_type": "midi_model", "n_embd": width,
        "net_config": stack(layers, heads, inner),
        "net_token_config": stack(token_layers, token_heads, token_inner),
        "tokenizer": {
            "bos_id": 1, "eos_id": 2, "pad_id": 0, "event_parameters": vocab.SIZES, "events": vocab.PARAMETERS,
            "max_token_seq": vocab.ROW, "optimise_midi": True, "version": "v2", "vocab_size": vocab.VOCABULARY,
        },
        "torch_dtype": "float16",
    }  # fmt: skip
