"""Trains by the clock, measures on held-out pieces, and leaves everything under one folder.

    python train.py --pack PACK --out OUT --seconds 240

OUT receives `checkpoint-*.safetensors` (averaged weights, f16, in parts), `config.json`, `training.json`, and
`metrics.json` and `continuations.npz` (what evaluate.py measures and writes). The learning rate follows the clock.
--resume goes on from such weights; the optimiser's moments and the schedule start anew.
"""
from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import torch

from checkpoint import load_checkpoint, save_checkpoint
from data import TRAIN, VALIDATION, Pack
from model import MidiModel, make_config

SIZES = {
    # width, layers, heads, feed-forward, token layers, token heads, token feed-forward
    "small": (256, 4, 4, 1024, 2, 4, 256),
    "tiny": (64, 2, 2, 128, 1, 2, 64),
}


def validation_loss(model: MidiModel, pack: Pack, pieces: torch.Tensor, window: int, batch: int, autocast) -> dict[str, float]:
    """Negative log-likelihood a token and an event (nats) of the pieces' beginnings."""
    model.eval()
    loss_sum = count = events = 0.0
    with torch.no_grad(), autocast():
        for part in pieces.split(batch):
            length = int(pack.t["length"][part].max())
            rows = pack.windows(part, min(window, length - 1), None, augment=False)
            loss, mask = model.token_losses(rows)
            loss_sum += float((loss.float() * mask).sum())
            count += float(mask.sum())
            events += float(mask[..., 0].sum())
    model.train()
    return {"token": loss_sum / count, "event": loss_sum / events, "events": events}


def compiled_losses(model: MidiModel, pack: Pack, buckets, autocast):
    """model.token_losses compiled for the windows of every bucket, or as it is where that fails."""
    began = time.time()
    try:
        losses = torch.compile(model.token_losses, dynamic=False)
        for window, batch, pieces, _, _ in sorted(buckets, reverse=True, key=lambda b: b[0]):
            rows = pack.windows(pieces[torch.arange(batch) % len(pieces)], window, None, augment=False)
            with autocast():
                loss, mask = losses(rows)
                loss = (loss * mask).sum() / mask.sum()
            loss.backward()
            model.zero_grad(set_to_none=True)
        print(f"compiled in {time.time() - began:.1f} s", flush=True)
        return losses
    except Exception as error:  # a compiler's troubles are no reason not to train
        print(f"not compiled: {error}", flush=True)
        return model.token_losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True, help="of training; measuring comes after")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--events", type=int, default=32768, help="events a step")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--drop", type=float, default=0.1)
    parser.add_argument("--decay", type=float, default=0.1)
    parser.add_argument("--average", type=float, default=0.998, help="of the averaged weights")
    parser.add_argument("--resume", type=Path, help="a folder with checkpoint-*.safetensors to go on from")
    parser.add_argument("--check-every", type=float, default=30, help="seconds between looks at the validation pieces")
    parser.add_argument("--compile", action="store_true", help="compile the step first; its seconds count")
    parser.add_argument("--no-evaluate", action="store_true")
    parser.add_argument("--eval-pieces", type=int, default=64)
    parser.add_argument("--eval-events", type=int, default=256)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(args.seed)
    torch.set_float32_matmul_precision("high")
    args.out.mkdir(parents=True, exist_ok=True)

    def autocast():
        return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")

    pack = Pack(args.pack, device)
    config = make_config(*SIZES[args.size])
    model = MidiModel(config, args.drop).to(device)
    parameters = sum(p.numel() for p in model.parameters())
    generator = torch.Generator(device).manual_seed(args.seed)
    buckets = pack.buckets(args.events)
    shares = torch.tensor([b[4] for b in buckets])
    print(f"{device}, {parameters} parameters; {int((pack.split == TRAIN).sum())} pieces to learn;", end=" ")
    print("; ".join(f"window {w}: {len(p)} pieces, batch {n}, share {s:.2f}" for w, n, p, _, s in buckets), flush=True)

    # Decay matrices, not norms.
    matrices = [p for p in model.parameters() if p.dim() == 2]
    norms = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": args.decay}, {"params": norms, "weight_decay": 0.0}],
        lr=args.rate, betas=(0.9, 0.98), eps=1e-9, fused=device.type == "cuda",
    )  # fmt: skip
    if args.resume:
        model.load_state_dict(load_checkpoint(args.resume))
    average = [p.detach().clone() for p in model.parameters()]
    best: tuple[float, list[torch.Tensor]] | None = None
    step = 0
    held = torch.from_numpy((pack.split == VALIDATION).nonzero()[0]).to(device)
    log: list[dict] = []
    recent = torch.zeros((), device=device)
    since = 0
    begun = time.time()
    losses = compiled_losses(model, pack, buckets, autocast) if args.compile else model.token_losses
    start = last_check = time.time()
    seconds = args.seconds - (start - begun)
    warm = min(20.0, seconds * 0.06)
    events_done = 0

    def averaged():
        swap = [p.detach().clone() for p in model.parameters()]
        with torch.no_grad():
            torch._foreach_copy_(list(model.parameters()), average)
        return swap

    picks = torch.Generator().manual_seed(args.seed)
    while (elapsed := time.time() - start) < seconds:
        progress = elapsed / seconds
        rate = args.rate * min(1.0, (elapsed + 0.1) / warm) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        window, batch, pieces, weights, _ = buckets[int(torch.multinomial(shares, 1, generator=picks))]
        chosen = pieces[torch.multinomial(weights, batch, replacement=True, generator=generator)]
        rows = pack.windows(chosen, window, generator, augment=True)
        with autocast():
            loss, mask = losses(rows)
            loss = (loss * mask).sum() / mask.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        since += 1
        events_done += batch * window
        with torch.no_grad():
            recent += loss.detach()
            keep = min(args.average, 1 - 1 / (step + 1))
            torch._foreach_lerp_(average, list(model.parameters()), 1 - keep)
        if device.type == "cuda" and step % 8 == 0:
            torch.cuda.synchronize()  # or the clock would run ahead of the work that it hands out
        if time.time() - last_check > args.check_every:
            swap = averaged()
            measured = validation_loss(model, pack, held, 1024, 16, autocast)
            if best is None or measured["token"] < best[0]:
                best = (measured["token"], [a.clone() for a in average])
            with torch.no_grad():
                torch._foreach_copy_(list(model.parameters()), swap)
            log.append({"seconds": round(time.time() - start, 1), "step": step, "train": float(recent) / since, **measured})
            print(json.dumps(log[-1]), flush=True)
            recent.zero_()
            since = 0
            last_check = time.time()

    averaged()
    measured = validation_loss(model, pack, held, 1024, 16, autocast)
    if best is not None and best[0] < measured["token"]:  # it had begun to learn the pieces by heart
        print(f"an earlier look was better: {best[0]:.4f} against {measured['token']:.4f}; it is kept")
        with torch.no_grad():
            torch._foreach_copy_(list(model.parameters()), best[1])
        measured = validation_loss(model, pack, held, 1024, 16, autocast)
    print(f"{step} steps, {events_done} events in {time.time() - start:.1f} s; validation {measured}", flush=True)
    save_checkpoint({k: v.half() for k, v in model.state_dict().items()}, args.out)
    (args.out / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    training = {
        "seconds": args.seconds, "steps": step, "events": events_done, "parameters": parameters, "log": log,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu", "validation": measured,
        "settings": {k: v for k, v in vars(args).items() if isinstance(v, (int, float, str))},
    }  # fmt: skip
    (args.out / "training.json").write_text(json.dumps(training, indent=1) + "\n")
    if not args.no_evaluate:
        from evaluate import evaluate

        evaluate(args.out, pack, device, args.eval_pieces, args.eval_events)


if __name__ == "__main__":
    main()
