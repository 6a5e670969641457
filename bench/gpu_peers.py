"""PyTorch's speed at the shapes of `bench_gpu tiles`, fp16, channels last: one line a shape, name, ms, TFLOP/s.

    python bench/gpu_peers.py      needs PyTorch with CUDA; run it beside bench_gpu on the same card
"""
import torch
import torch.nn.functional as F

torch.backends.cudnn.benchmark = True

# name, M, N, K: matrix products; those of the convolutions are what an im2col would multiply.
PRODUCTS = [("matmul 4096", 4096, 4096, 4096), ("conv 64x64 320>320", 8192, 320, 2880),
            ("conv 32x32 640>640", 2048, 640, 5760), ("conv 16x16 1280>1280", 512, 1280, 11520),
            ("conv 8x8 1280>1280", 128, 1280, 11520), ("geglu 8192 320>2560", 8192, 2560, 320)]
CONVOLUTIONS = [(64, 320), (32, 640), (16, 1280), (8, 1280)]
# name, batch, heads, queries, keys, channels a head
ATTENTIONS = [("attention 4096 8x40", 2, 8, 4096, 4096, 40), ("attention 1024 8x80", 2, 8, 1024, 1024, 80),
              ("attention 256 8x160", 2, 8, 256, 256, 160), ("attention 4096>77 8x40", 2, 8, 4096, 77, 40)]


def best_ms(run):
    """Least of several runs of many, in milliseconds of one."""
    for _ in range(20):
        run()
    best = 1e9
    for _ in range(5):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(50):
            run()
        end.record()
        torch.cuda.synchronize()
        best = min(best, begin.elapsed_time(end) / 50)
    return best


def line(name, ms, flops):
    print(f"{name:32s} {ms:8.4f} ms {flops / ms * 1e-9:7.1f} TF/s", flush=True)


with torch.no_grad():
    print(torch.cuda.get_device_name(), "PyTorch", torch.__version__)
    for name, m, n, k in PRODUCTS:
        a, b = (torch.randn(s, device="cuda", dtype=torch.half) for s in ((m, k), (k, n)))
        line(f"{name}, as a product", best_ms(lambda: a @ b), 2 * m * n * k)
    for side, c in CONVOLUTIONS:
        x = torch.randn(2, c, side, side, device="cuda", dtype=torch.half).to(memory_format=torch.channels_last)
        w = torch.randn(c, c, 3, 3, device="cuda", dtype=torch.half).to(memory_format=torch.channels_last)
        line(f"conv {side}x{side} {c}>{c}", best_ms(lambda: F.conv2d(x, w, padding=1)), 2 * 2 * side * side * c * c * 9)
    for name, n, heads, queries, keys, size in ATTENTIONS:
        q, k, v = (torch.randn(n, heads, t, size, device="cuda", dtype=torch.half) for t in (queries, keys, keys))
        line(name, best_ms(lambda: F.scaled_dot_product_attention(q, k, v)), 4 * n * heads * queries * keys * size)
