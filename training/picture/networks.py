"""The model family: SD 1.5's topology, and its exact diffusers keys, at widths that make 40 MiB in fp16.

The text encoder is written out here, because training adds word vectors to its table; the other networks are
diffusers' own.
"""
import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from torch import nn

SCALE = 0.18215
TEXT = dict(hidden_size=64, intermediate_size=256, num_hidden_layers=4, num_attention_heads=4,
            max_position_embeddings=77, vocab_size=49408)
DOWN = ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",)
UP = ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3
WIDTHS = (64, 128, 64, 64)
SHAPE = dict(block_out_channels=WIDTHS, layers_per_block=2, cross_attention_dim=64, attention_head_dim=2,
             norm_num_groups=32)
HINT = (16, 32, 32, 64)


def make_vae():
    return AutoencoderKL(in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(32, 64, 96, 96),
                         layers_per_block=2, norm_num_groups=32, sample_size=256, scaling_factor=SCALE,
                         down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)


def make_unet():
    return UNet2DConditionModel(sample_size=32, down_block_types=DOWN, up_block_types=UP, **SHAPE)


def make_controlnet():
    return ControlNetModel(down_block_types=DOWN, conditioning_embedding_out_channels=HINT, **SHAPE)


def narrow_norms(net):
    """Has norms work in their input's type instead of autocast's fp32. Sums are kept in fp32 inside the kernels either
    way; what goes is two passes over every activation (measured on an H100: 110 to 95 ms a training step of 256)."""
    def narrowed(norm, apply):
        def forward(x):
            with torch.autocast(x.device.type, enabled=False):
                return apply(x, norm.weight.to(x.dtype), norm.bias.to(x.dtype), norm.eps)
        return forward

    for m in net.modules():
        if isinstance(m, nn.GroupNorm):
            m.forward = narrowed(m, lambda x, w, b, e, g=m.num_groups: F.group_norm(x, g, w, b, e))
        elif isinstance(m, nn.LayerNorm):
            m.forward = narrowed(m, lambda x, w, b, e, n=m.normalized_shape: F.layer_norm(x, n, w, b, e))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = (p(x).view(b, n, self.heads, c // self.heads).transpose(1, 2)
                   for p in (self.q_proj, self.k_proj, self.v_proj))
        x = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out_proj(x.transpose(1, 2).reshape(b, n, c))


class Mlp(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x):
        x = self.fc1(x)
        return self.fc2(x * torch.sigmoid(1.702 * x))


class Layer(nn.Module):
    def __init__(self, width, inner, heads):
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = Mlp(width, inner)

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Words(nn.Module):
    """The token table while it is trained: a word vector made to fit, which never changes, and what the
    pictures taught. The second part is left out now and then, so that words that no caption held, but whose
    vectors are near one that did, still mean something."""

    def __init__(self, base):
        super().__init__()
        self.register_buffer("base", base)
        self.fit = nn.Linear(base.shape[1], base.shape[1], bias=False)
        nn.init.eye_(self.fit.weight)
        self.learned = nn.Embedding(base.shape[0], base.shape[1])
        nn.init.normal_(self.learned.weight, std=0.02)

    def forward(self, ids, left_out=0.0):
        base, learned = self.base[ids], self.learned(ids)
        if left_out > 0:
            keep = torch.rand(ids.shape[0], 1, device=ids.device) >= left_out
            keep = keep | (base.abs().sum(-1) == 0)
            learned = learned * keep[..., None]
        return self.fit(base) + learned

    def table(self):
        return self.fit(self.base) + self.learned.weight


class TextEncoder(nn.Module):
    """CLIP's text transformer. `state()` is what transformers' CLIPTextModel loads, with its prefix."""

    def __init__(self, base):
        super().__init__()
        w = TEXT["hidden_size"]
        self.words = Words(base)
        self.positions = nn.Embedding(TEXT["max_position_embeddings"], w)
        nn.init.normal_(self.positions.weight, std=0.02)
        self.layers = nn.ModuleList(Layer(w, TEXT["intermediate_size"], TEXT["num_attention_heads"])
                                    for _ in range(TEXT["num_hidden_layers"]))
        self.final_layer_norm = nn.LayerNorm(w)

    def forward(self, ids, left_out=0.0):
        x = self.words(ids, left_out) + self.positions.weight
        for layer in self.layers:
            x = layer(x)
        return self.final_layer_norm(x)

    def state(self):
        out = {"embeddings.token_embedding.weight": self.words.table(),
               "embeddings.position_embedding.weight": self.positions.weight}
        for k, v in self.layers.state_dict().items():
            out[f"encoder.layers.{k}"] = v
        for k, v in self.final_layer_norm.state_dict().items():
            out[f"final_layer_norm.{k}"] = v
        return {f"text_model.{k}": v.detach() for k, v in out.items()}

    def load(self, state):
        """Takes exported weights back: the table comes whole, as the learned part beside a base of zero."""
        state = {k.removeprefix("text_model."): v.float() for k, v in state.items()}
        self.words.learned.weight.data.copy_(state["embeddings.token_embedding.weight"])
        self.words.base.zero_()
        self.positions.weight.data.copy_(state["embeddings.position_embedding.weight"])
        self.layers.load_state_dict({k.removeprefix("encoder.layers."): v for k, v in state.items()
                                     if k.startswith("encoder.layers.")})
        self.final_layer_norm.load_state_dict({k.removeprefix("final_layer_norm."): v for k, v in state.items()
                                               if k.startswith("final_layer_norm.")})


def word_base(folder, tokenizer):
    """GloVe's vectors of the words that are one token, turned to the text encoder's width by their principal
    components: [49408, width], zero where there is no vector."""
    with open(f"{folder}/words.txt") as f:
        known = f.read().split("\n")
    vectors = dict(zip(known, np.fromfile(f"{folder}/words.i16", np.int16).reshape(len(known), 100) / 4096))
    words = [w for w in vectors if len(tokenizer.word(w)) == 1]
    x = np.array([vectors[w] for w in words], np.float32)
    x -= x.mean(0)
    _, values, axes = np.linalg.svd(x[:20000] - x[:20000].mean(0), full_matrices=False)
    y = x @ axes[: TEXT["hidden_size"]].T
    y *= 0.25 / y.std()
    base = np.zeros((TEXT["vocab_size"], TEXT["hidden_size"]), np.float32)
    base[[tokenizer.word(w)[0] for w in words]] = y
    return torch.from_numpy(base)


def distance(y, x):
    """Between pictures [n, 3, h, w], at three sizes, of values and of their slopes."""
    d = 0
    for k in (1, 2, 4):
        u, v = (F.avg_pool2d(y, k), F.avg_pool2d(x, k)) if k > 1 else (y, x)
        d = d + (u - v).abs().mean() + 0.25 * ((u - v) ** 2).mean()
        d = d + (u.diff(dim=2) - v.diff(dim=2)).abs().mean() + (u.diff(dim=3) - v.diff(dim=3)).abs().mean()
    return d
