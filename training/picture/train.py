"""Trains the demo picture model in stages that stop by the clock and go on from where they stopped.

    python train.py --data PACK --vocab BPE.txt.gz --state DIR --out DIR --plan encode,unet:300 --unet-total 700 \
        --resume ../../resources/models/icons-256

Stages: vae, decoder (it alone, at whole pictures), encode (latents of every variant), unet (with the text encoder),
scribble, canny, evaluate; controls is scribble and canny, side by side where two processes run (RANK, WORLD_SIZE,
MASTER_ADDR, MASTER_PORT as torchrun sets them; one GPU each, by CUDA_VISIBLE_DEVICES). Numbers after a stage are its seconds; kinds after evaluate
(evaluate:canny) have it measure these ControlNets only, and add to the metrics.json of --resume.

DIR of --state holds everything that a later call needs; DIR of --out gets the weights so far, fp16, one
safetensors file of less than 16 MiB a network. Where --state is empty, --resume names such an --out folder to
start from (or the exported model's).
"""
import argparse
import math
import multiprocessing
import os
import random
import time

import numpy as np
import torch
import torch.distributed as dist
from diffusers import ControlNetModel
from safetensors.torch import load_file, save_file

import data as D
import networks as N
from step import Step
from tokenizer import EOS, Tokenizer

START = time.time()
# Where export.py puts a network, so that --resume can name the model that ships.
SHIPPED = {
    "vae": "vae/diffusion_pytorch_model", "unet": "unet/diffusion_pytorch_model", "text": "text_encoder/model",
    "scribble": "../controlnet-scribble/diffusion_pytorch_model", "canny": "../controlnet-canny/diffusion_pytorch_model",
}


def say(*words):
    print(f"[{time.time() - START:6.1f}s]", *words, flush=True)


class Run:
    def __init__(self, args):
        self.a = args
        self.dev, self.say = args.device, say
        self.gpu = self.dev != "cpu"
        self.rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.scratch = f"{args.state}/rank{self.rank}"
        for folder in (args.state, args.out, self.scratch):
            os.makedirs(folder, exist_ok=True)
        # Before the device is touched: a process with a CUDA context should not be forked.
        self.pool = multiprocessing.get_context("fork").Pool(args.workers)
        self.pictures = p = D.Pictures(args.data, self.pool, self.scratch, args.rows)
        say(f"{len(p.rows)} pictures: {len(p.train)} to train on, {len(p.held)} held out, {len(p.test)} of other artists")
        self.rgba = torch.from_numpy(p.rgba).to(self.dev)
        if self.world > 1:
            dist.init_process_group("nccl" if self.gpu else "gloo")
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        self.tokenizer = Tokenizer(args.vocab)
        alphas = ((1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2).cumprod(0)).float()
        self.alphas = alphas.to(self.dev)
        self.vae = self.text = self.unet = None

    # ---- several processes, one a GPU, each with its own share of every batch ----------------------------------
    def same(self, params):
        """Gives every process the first one's weights, and each its own noise from here on."""
        if self.world > 1:
            for p in params:
                dist.broadcast(p.data, 0)
        torch.manual_seed(self.a.seed * 1000 + self.rank)
        random.seed(self.a.seed * 1000 + self.rank)

    def clock(self, step, begun, total, end, alone=False):
        """(share of the stage's time that is over, whether to go on); the first process's clock counts for all."""
        now = time.time()
        if self.world == 1 or alone:
            return min(1.0, (now - begun) / max(1e-6, total)), now < end
        if step % 8 == 0 or step < 4:
            t = torch.tensor([min(1.0, (now - begun) / max(1e-6, total)), float(now < end)], device=self.dev)
            dist.broadcast(t, 0)
            self.tick = (t[0].item(), t[1].item() > 0.5)
        return self.tick

    def amp(self):
        return torch.autocast("cuda" if self.gpu else "cpu", dtype=torch.bfloat16, enabled=self.gpu, cache_enabled=False)

    def layout(self, net):
        net = net.to(self.dev)
        if self.gpu:
            N.narrow_norms(net)
        return net

    def ends(self, seconds):
        return min(time.time() + seconds, self.a.until)

    # ---- bank of variants ----------------------------------------------------------------------------------
    def make_bank(self):
        """Every training picture, varied `copies` times: pixels on the device, captions as tokens, and hints
        (computed by threads meanwhile) for the first `hinted` copies."""
        p, a, rng = self.pictures, self.a, random.Random(self.a.seed)
        pool = {}
        for i in p.train:
            if p.rows[i]["group"] not in ("symbols", "smileys-emotion"):
                pool.setdefault(p.rows[i]["style"], []).append(i)
        bank, every = [], []
        for copy in range(a.copies):
            plans = [D.plan_variant(p, i, pool, rng) if copy else D.plain_plan(i) for i in p.train]
            every += plans
            for s in range(0, len(plans), 512):
                bank.append(((D.render(self.rgba, plans[s : s + 512]) + 1) * 127.5).round().to(torch.uint8))
        self.bank = torch.cat(bank)
        say(f"bank of {len(self.bank)} variants; e.g.", [D.caption(p, q, rng) for q in every[:: max(1, len(every) // 12)]])
        n = len(p.train) * min(a.hinted, a.copies)
        files = [f"{self.scratch}/{name}.u8" for name in ("greys", "hints")]
        greys = np.memmap(files[0], np.uint8, "w+", shape=(n, D.SIZE, D.SIZE))
        self.hint_bits = np.memmap(files[1], np.uint8, "w+", shape=(n, 2, D.SIZE, D.SIZE // 8))
        weights = torch.tensor([0.299, 0.587, 0.114], device=self.dev).view(1, 3, 1, 1)
        for s in range(0, n, 2048):
            part = self.bank[s : min(s + 2048, n)].float()
            greys[s : s + len(part)] = (part * weights).sum(1).round().to(torch.uint8).cpu().numpy()
        self.hints_done = self.pool.starmap_async(D.hints_into, [(*files, n, s, min(s + 64, n)) for s in range(0, n, 64)], chunksize=1)
        say("grey pictures handed over")
        ids = np.empty((len(every), a.captions, 32), np.int32)
        for k, plan in enumerate(every):
            ids[k] = [self.tokenizer.encode(D.caption(p, plan, rng), 32) for _ in range(a.captions)]
        self.tokens = torch.from_numpy(ids).to(self.dev)
        say("captions done")

    # ---- VAE -----------------------------------------------------------------------------------------------
    def stage_vae(self, seconds):
        a = self.a
        self.make_bank()
        begun, end = time.time(), self.ends(seconds)
        torch.manual_seed(a.seed)
        self.vae = vae = self.layout(N.make_vae())
        self.same(vae.parameters())

        def loss_of(x):
            with self.amp():
                mean, logvar = vae.quant_conv(vae.encoder(x)).float().chunk(2, 1)
                logvar = logvar.clamp(-20, 10)
                z = mean + torch.randn_like(mean) * (0.5 * logvar).exp()
                y = vae.decoder(vae.post_quant_conv(z))
            d = N.distance(y.float(), x)
            kl = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).mean()
            return d + a.kl * kl, d, kl

        take = Step(self, loss_of, vae.parameters(), 0.998, 1e-4, a.graphs)
        step, told = 0, time.time()
        while True:
            part, going = self.clock(step, begun, end - begun, end)
            if not going:
                break
            small = part < 0.6
            batch = a.batch_vae if small else max(1, a.batch_vae // 4)
            at = torch.randint(len(self.bank), (batch,), device=self.dev)
            x = self.bank[at]
            if small:
                oy, ox = (8 * random.randrange(17) for _ in range(2))
                x = x[:, :, oy : oy + 128, ox : ox + 128]
            x = x.float() / 127.5 - 1
            lr = 1e-3 * min(1, (step + 1) / 200) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1, part))))
            loss, d, kl = take(lr, x)
            step += 1
            if time.time() - told > a.tell or step <= 2:
                told = time.time()
                say(f"vae step {step} side {x.shape[-1]} loss {loss.item():.4f} distance {d.item():.4f} kl {kl.item():.3f}")
        take.swap()
        quality = self.psnr(self.pictures.held)
        say(f"vae: {step} steps, held-out PSNR {quality:.2f} dB")
        if not quality > a.least_psnr:
            raise SystemExit("the VAE is no good: stopped here")

    def stage_decoder(self, seconds):
        """Trains the decoder alone, at whole pictures, on latents that stay as they are: crops never showed it the
        picture's corners, where it painted a spot."""
        a = self.a
        self.need("vae")
        if getattr(self, "bank", None) is None:
            self.make_bank()
        vae = self.vae
        params = [*vae.decoder.parameters(), *vae.post_quant_conv.parameters()]
        self.same(params)
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)

        def loss_of(x):
            with self.amp():
                with torch.no_grad():
                    z = vae.encode(x).latent_dist.sample()
                y = vae.decoder(vae.post_quant_conv(z))
            y = y.float()
            d = N.distance(y, x)
            corner = (y - x)[:, :, -16:, -16:].abs().mean()
            return d + 0.1 * corner, d, corner

        take = Step(self, loss_of, params, 0.99, 1e-4, graphs=False)
        begun, end = time.time(), self.ends(seconds)
        step, told = 0, begun
        while True:
            part, going = self.clock(step, begun, end - begun, end)
            if not going:
                break
            x = self.bank[torch.randint(len(self.bank), (a.batch_vae // 2,), device=self.dev)].float() / 127.5 - 1
            loss, d, corner = take(3e-4 * min(1, (step + 1) / 30) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part))), x)
            step += 1
            if time.time() - told > a.tell or step <= 2:
                told = time.time()
                say(f"decoder step {step} loss {loss.item():.4f} distance {d.item():.4f} corner {corner.item():.4f}")
        take.swap()
        say(f"decoder: {step} steps, held-out PSNR {self.psnr(self.pictures.held):.2f} dB")
        self.save_net("vae", vae.state_dict())

    @torch.no_grad()
    def round_trip(self, x):
        out = []
        for part in x.split(64):
            out.append(self.vae.decode(self.vae.encode(part).latent_dist.mean).sample.clamp(-1, 1))
        return torch.cat(out)

    @torch.no_grad()
    def psnr(self, index, limit=512):
        total, n = 0.0, 0
        for s in range(0, min(limit, len(index)), 64):
            x = D.render(self.rgba, [D.plain_plan(i) for i in index[s : min(s + 64, limit)]])
            mse = ((self.round_trip(x) - x) ** 2).mean((1, 2, 3)) / 4
            total += (-10 * mse.clamp_min(1e-10).log10()).sum().item()
            n += len(x)
        return total / max(1, n)

    @torch.no_grad()
    def stage_encode(self, _):
        """Latents of the bank. Each channel's mean and spread over them go into the two 1x1 convolutions about
        the latent, so that latents times 0.18215 have mean 0 and spread 1, as SD 1.5's almost have."""
        self.need("vae")
        if getattr(self, "bank", None) is None:
            self.make_bank()
        torch.manual_seed(self.a.seed)
        vae, out = self.vae, []
        for s in range(0, len(self.bank), 256):
            with self.amp():
                dist = vae.encode(self.bank[s : s + 256].float() / 127.5 - 1).latent_dist
            out.append(dist.sample().float())
        z = torch.cat(out)
        m, s = z.mean((0, 2, 3)), z.std((0, 2, 3)) * N.SCALE
        if (m * N.SCALE).abs().max() > 0.03 or (s - 1).abs().max() > 0.05:  # a VAE is folded once, and kept as it is
            q, p = vae.quant_conv, vae.post_quant_conv
            p.bias += (p.weight[:, :, 0, 0] @ m)
            p.weight *= s.view(1, 4, 1, 1)
            q.weight[:4] /= s.view(4, 1, 1, 1)
            q.bias[:4] = (q.bias[:4] - m) / s
            q.bias[4:] -= 2 * s.log()
            z = (z - m.view(1, 4, 1, 1)) / s.view(1, 4, 1, 1)
        z = z * N.SCALE
        self.latents = z.half()  # already times 0.18215
        check = vae.encode(self.bank[:64].float() / 127.5 - 1).latent_dist
        say(f"latents {tuple(z.shape)}, channel means {m.tolist()}, spreads {s.tolist()}; now: spread "
            f"{(check.mean * N.SCALE).std().item():.3f}, noise {(check.std * N.SCALE).mean().item():.4f}, "
            f"held-out PSNR {self.psnr(self.pictures.held):.2f} dB")
        self.save_net("vae", vae.state_dict())
        self.hints_done.get()
        if self.rank == 0:
            torch.save(dict(latents=self.latents, tokens=self.tokens, hints=torch.from_numpy(np.array(self.hint_bits))), f"{self.a.state}/bank.pt")
        self.bank = None
        say("latents saved")

    def load_bank(self):
        if getattr(self, "latents", None) is None:
            if not os.path.exists(f"{self.a.state}/bank.pt"):
                return self.stage_encode(0) or self.load_bank()
            b = torch.load(f"{self.a.state}/bank.pt")
            self.latents, self.tokens = b["latents"].to(self.dev), b["tokens"].to(self.dev)
            self.hint_bits = b["hints"].numpy()
        self.ends_pad = torch.full((1, 1, 77 - 32), EOS, dtype=torch.int32, device=self.dev)
        self.empty = torch.tensor(self.tokenizer.encode(""), device=self.dev)

    def save_net(self, name, state):
        if self.rank and name not in ("scribble", "canny"):
            return
        half = {k: v.detach().half().contiguous().cpu() for k, v in state.items()}
        for folder in (self.a.out, self.a.state):
            save_file(half, f"{folder}/{name}.new")
            os.replace(f"{folder}/{name}.new", f"{folder}/{name}.safetensors")

    def load_net(self, name):
        for folder in filter(None, (self.a.state, self.a.resume)):
            for path in (f"{folder}/{name}.safetensors", f"{folder}/{SHIPPED[name]}.safetensors"):
                if os.path.exists(path):
                    return {k: v.float() for k, v in load_file(path).items()}
        return None

    def need(self, *names):
        """Loads the finished networks that a stage builds on."""
        if "vae" in names and self.vae is None:
            self.vae = N.make_vae()
            self.vae.load_state_dict(self.load_net("vae"))
            self.vae = self.layout(self.vae)
        if "unet" in names and self.unet is None:
            self.text = N.TextEncoder(torch.zeros(N.TEXT["vocab_size"], N.TEXT["hidden_size"]))
            self.text.load(self.load_net("text"))
            self.text.words.fit.requires_grad_(False)
            self.text = self.text.to(self.dev)
            self.unet = N.make_unet()
            self.unet.load_state_dict(self.load_net("unet"))
            self.unet = self.layout(self.unet)

    def ids_of(self, at, drop):
        which = torch.randint(self.tokens.shape[1], (len(at),), device=self.dev)
        ids = torch.cat([self.tokens[at, which], self.ends_pad[0].expand(len(at), -1)], 1).long()
        gone = torch.rand(len(at), 1, device=self.dev) < drop
        return torch.where(gone, self.empty, ids)

    def noised(self, x, t, noise):
        a = self.alphas[t].view(-1, 1, 1, 1)
        return a.sqrt() * x + (1 - a).sqrt() * noise

    def weight(self, t):
        snr = self.alphas[t] / (1 - self.alphas[t])
        return snr.clamp_max(5.0) / snr

    def draw(self, count, batch, drop):
        at = torch.randint(count, (batch,), device=self.dev)
        x = self.latents[at].float()
        noise, t = torch.randn_like(x), torch.randint(1000, (batch,), device=self.dev)
        return at, self.ids_of(at, drop), t, noise, self.noised(x, t, noise)

    # ---- text encoder and UNet -------------------------------------------------------------------------------
    def stage_unet(self, seconds):
        a = self.a
        self.load_bank()
        full = f"{a.state}/unet_full.pt"
        old = torch.load(full, map_location=self.dev) if os.path.exists(full) else None
        torch.manual_seed(a.seed + (old["step"] if old else 1))
        text = N.TextEncoder(N.word_base(a.data, self.tokenizer)).to(self.dev)
        unet = self.layout(N.make_unet())
        if old:
            text.load_state_dict(old["text"])
            unet.load_state_dict(old["unet"])
        elif self.load_net("unet") is not None:
            text.load(self.load_net("text"))
            unet.load_state_dict(self.load_net("unet"))
        params = [*unet.parameters(), *text.parameters()]
        self.same(params)

        def loss_of(noisy, t, ids, noise, weight):
            with self.amp():
                e = unet(noisy, t, encoder_hidden_states=text(ids, 0.2)).sample
            return (((e.float() - noise) ** 2).mean((1, 2, 3)) * weight).mean()

        take = Step(self, loss_of, params, 0.999, graphs=a.graphs)
        step, spent = 0, a.spent
        if old:
            take.opt.load_state_dict(old["opt"])
            take.lr = take.opt.param_groups[0]["lr"]
            torch._foreach_copy_(take.shadow, old["ema"])
            step, spent = old["step"], old["spent"]
        begun, end = time.time(), self.ends(seconds)
        saved = begun
        told, sums, first = time.time(), [], step
        while True:
            part, going = self.clock(step, begun - spent, a.unet_total, end)
            if not going:
                break
            lr = a.lr * min(1, (step + 1) / 400) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * part)))
            _, ids, t, noise, noisy = self.draw(len(self.latents), a.batch, 0.1)
            loss = take(lr, noisy, t, ids, noise, self.weight(t))
            step += 1
            sums.append(loss.detach().clone())
            if self.rank == 0 and time.time() - saved > 60:
                saved = time.time()
                take.swap()
                self.save_net("unet", unet.state_dict())
                self.save_net("text", text.state())
                take.swap()
            if time.time() - told > a.tell or step <= first + 2:
                say(f"unet step {step} lr {lr:.1e} loss {torch.stack(sums).mean().item():.4f} "
                    f"{len(sums) / max(1e-9, time.time() - told):.1f} steps/s")
                told, sums = time.time(), []
        assert math.isfinite(loss.item()), "the UNet diverged"
        spent += time.time() - begun
        say(f"unet: {step} steps, {step * a.batch * self.world / 1e6:.2f} M samples, {spent:.0f} s of {a.unet_total:.0f}")
        if self.rank == 0:
            torch.save(dict(text=text.state_dict(), unet=unet.state_dict(), ema=take.shadow,
                            opt=take.opt.state_dict(), step=step, spent=spent), full + ".new")
            os.replace(full + ".new", full)
        if self.world > 1:
            dist.barrier()
        take.swap()
        self.text, self.unet = text, unet
        self.save_net("unet", unet.state_dict())
        self.save_net("text", text.state())

    # ---- ControlNets -----------------------------------------------------------------------------------------
    def stage_control(self, seconds, kind):
        a = self.a
        self.load_bank()
        self.need("unet")
        text, unet = self.text.eval().requires_grad_(False), self.unet.eval().requires_grad_(False)
        torch.manual_seed(a.seed + 7)
        net = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=N.HINT).requires_grad_(True)
        # From the UNet's weights, a ControlNet over broad strokes found its hint after 300 steps, one over hairlines
        # not within 950; from the other's weights it has it from the start.
        for start in (kind, "scribble"):
            if self.load_net(start) is not None:
                net.load_state_dict(self.load_net(start))
                say(f"{kind} goes on from {start}")
                break
        net = self.layout(net)
        bits = torch.from_numpy(self.hint_bits[:, 0 if kind == "scribble" else 1]).to(self.dev)
        params = list(net.parameters())

        def loss_of(noisy, t, words, hint, noise, weight):
            with self.amp():
                down, mid = net(noisy, t, encoder_hidden_states=words, controlnet_cond=hint, return_dict=False)
                e = unet(noisy, t, encoder_hidden_states=words, down_block_additional_residuals=down,
                         mid_block_additional_residual=mid).sample
            return (((e.float() - noise) ** 2).mean((1, 2, 3)) * weight).mean()

        take = Step(self, loss_of, params, 0.998, graphs=a.graphs, world=1)
        begun, end = time.time(), self.ends(seconds)
        step, told, sums = 0, begun, []
        while True:
            part, going = self.clock(step, begun, end - begun, end, alone=True)
            if not going:
                break
            lr = a.lr_control * min(1, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part)))
            at, ids, t, noise, noisy = self.draw(len(bits), a.batch, 0.3)
            hint = D.unpack_hints(bits[at])
            with torch.no_grad(), self.amp():
                words = text(ids).float()
            loss = take(lr, noisy, t, words, hint, noise, self.weight(t))
            step += 1
            sums.append(loss.detach().clone())
            if time.time() - told > a.tell or step <= 2:
                say(f"{kind} step {step} loss {torch.stack(sums).mean().item():.4f} {len(sums) / max(1e-9, time.time() - told):.1f} steps/s")
                told, sums = time.time(), []
        assert math.isfinite(loss.item()), f"the {kind} ControlNet diverged"
        take.swap()
        say(f"{kind}: {step} steps")
        self.save_net(kind, net.state_dict())

    def go(self):
        for item in self.a.plan.split(","):
            name, _, seconds = item.partition(":")
            if time.time() > self.a.until:
                say(f"{name}: no time left")
                continue
            say(f"--- {name}")
            if name in ("scribble", "canny"):
                self.stage_control(float(seconds), name)
            elif name == "controls":  # one a process, where there are two
                kinds = ("scribble", "canny")
                for kind in kinds if self.world == 1 else kinds[self.rank : self.rank + 1]:
                    self.stage_control(float(seconds), kind)
                if self.world > 1:
                    dist.barrier()
            elif name == "evaluate":
                if self.rank:
                    break
                from evaluate import evaluate

                evaluate(self, seconds.split("+") if seconds else None)
            else:
                getattr(self, f"stage_{name}")(float(seconds or 0))
            if self.gpu:
                say(f"{name} done; peak {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True, help="folder made by prepare.mjs")
    p.add_argument("--vocab", required=True, help="open_clip's bpe_simple_vocab_16e6.txt.gz")
    p.add_argument("--state", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--resume")
    p.add_argument("--plan", required=True)
    p.add_argument("--limit", type=float, default=1e9, help="seconds after which every stage stops")
    p.add_argument("--unet-total", type=float, default=700, help="seconds over which the learning rate falls")
    p.add_argument("--spent", type=float, default=0, help="seconds of it that were spent before --resume")
    p.add_argument("--device", default="cuda")
    p.add_argument("--no-graphs", dest="graphs", action="store_false", help="start every kernel by itself")
    p.add_argument("--rows", type=int, help="take about this many pictures only")
    p.add_argument("--copies", type=int, default=9)
    p.add_argument("--hinted", type=int, default=5)
    p.add_argument("--captions", type=int, default=4)
    p.add_argument("--batch", type=int, default=256, help="of each process")
    p.add_argument("--batch-vae", type=int, default=64)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--lr-control", type=float, default=5e-4)
    p.add_argument("--kl", type=float, default=2e-4)
    p.add_argument("--least-psnr", type=float, default=18, help="of the VAE on held-out pictures, dB")
    p.add_argument("--workers", type=int, default=16)
    p.add_argument("--tell", type=float, default=15)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--steps", type=int, default=25, help="sampling steps of the evaluation")
    p.add_argument("--pictures", type=int, default=768, help="pictures a measure of the evaluation")
    p.add_argument("--classifier", type=float, default=45, help="seconds")
    a = p.parse_args()
    a.until = START + a.limit
    return a


if __name__ == "__main__":
    Run(arguments()).go()
