"""A training step of one process or several: loss, gradients, clipping, AdamW, moving average of weights."""
import torch
import torch.distributed as dist


class Step:
    """A training step: loss, gradients, their average over processes, clipping, AdamW, moving average of weights.

    These networks are so small that starting a kernel takes longer than running it (measured: 127 ms a step
    whether the batch is 256 or 512), so on a GPU a step is captured once for each shape of its inputs and
    replayed as two CUDA graphs, with the exchange of gradients between them. Compiling it instead takes 150 s a
    network and leaves it as slow.
    """

    def __init__(self, run, loss_of, params, decay, weight_decay=0.01, graphs=True, world=None):
        self.run, self.loss_of, self.params, self.decay = run, loss_of, list(params), decay
        self.graphs = graphs and run.gpu
        self.world = world or run.world
        self.lr = torch.tensor(0.0, device=run.dev)
        self.opt = torch.optim.AdamW(self.params, lr=self.lr, betas=(0.9, 0.99), weight_decay=weight_decay,
                                     fused=run.gpu, capturable=run.gpu)
        self.shadow = [p.detach().clone() for p in self.params]
        self.raw = [p.detach() for p in self.params]
        self.flat, self.captured = None, {}

    def gradients(self, inputs):
        out = self.loss_of(*inputs)
        loss = out[0] if isinstance(out, tuple) else out
        loss.backward()
        if self.world > 1:
            grads = [p.grad for p in self.params]
            flat = torch._utils._flatten_dense_tensors(grads)
            if self.flat is None:
                self.flat = torch.empty_like(flat)
            self.flat.copy_(flat)
        return out

    def exchange(self):
        if self.world > 1:
            dist.all_reduce(self.flat)

    def update(self):
        grads = [p.grad for p in self.params]
        if self.world > 1:
            torch._foreach_copy_(grads, list(torch._utils._unflatten_dense_tensors(self.flat, grads)))
            torch._foreach_div_(grads, float(self.world))
        torch.nn.utils.clip_grad_norm_(self.params, 1.0)
        self.opt.step()
        torch._foreach_lerp_(self.shadow, self.raw, 1 - self.decay)

    def plain(self, inputs):
        self.opt.zero_grad(set_to_none=True)
        out = self.gradients(inputs)
        self.exchange()
        with torch.no_grad():
            self.update()
        return out

    def capture(self, inputs):
        """Records both graphs. The steps that warm up the libraries' choices are undone afterwards."""
        tensors = lambda: [v for st in self.opt.state.values() for v in st.values() if torch.is_tensor(v)]
        fresh = not self.opt.state
        kept = [v.clone() for v in (*self.raw, *self.shadow, *tensors())]
        own = [x.clone() for x in inputs]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.plain(own)
        torch.cuda.current_stream().wait_stream(side)
        with torch.no_grad():
            if fresh:
                for v in tensors():
                    v.zero_()
                now = [*self.raw, *self.shadow]
            else:
                now = [*self.raw, *self.shadow, *tensors()]
            for v, k in zip(now, kept):
                v.copy_(k)
        self.opt.zero_grad(set_to_none=True)
        first, second = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        with torch.cuda.graph(first, capture_error_mode="thread_local"):
            out = self.gradients(own)
        with torch.no_grad(), torch.cuda.graph(second, pool=first.pool(), capture_error_mode="thread_local"):
            self.update()
        return own, first, second, out, [p.grad for p in self.params]

    def __call__(self, lr, *inputs):
        """Takes a step at learning rate lr; returns what the loss function did. A replay overwrites that."""
        self.lr.fill_(lr)
        if not self.graphs:
            return self.plain(inputs)
        key = tuple(x.shape for x in inputs)
        if key not in self.captured:
            self.captured[key] = self.capture(inputs)
        own, first, second, out, _ = self.captured[key]
        torch._foreach_copy_(own, list(inputs))
        first.replay()
        self.exchange()
        second.replay()
        return out

    @torch.no_grad()
    def swap(self):
        """Exchanges the averaged and the raw weights; call again to go back."""
        for p, s in zip(self.raw, self.shadow):
            t = p.clone()
            p.copy_(s)
            s.copy_(t)
