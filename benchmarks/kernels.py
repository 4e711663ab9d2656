"""Empirical tangent kernels of a two-layer network: ours, torch.func's recipe, and neural-tangents, interleaved on one core.

    python benchmarks/kernels.py --peer PATH/TO/python
    python benchmarks/kernels.py --large 20000 --peer PATH/TO/python

``--peer`` is an interpreter that can import neural-tangents; it needs an environment of its own, Python 3.11 with
`neural-tangents==0.6.5 jax==0.4.23 jaxlib==0.4.23 tf2jax==0.3.5 numpy==1.26.4`.  Every method computes the same kernel from the
same weights in float32; agreement is printed.  Compilation is excluded: each method runs once before it is timed.  Times are of
the processor, on one core and one thread, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, jacrev, vmap

from gencc.runtime.limits import kernels

WORKER = Path(__file__).with_name("kernels_peer.py")
Network = tuple[Tensor, Tensor, Tensor]


def drawn(n: int, width: int, size: int, outputs: int) -> Network:
    draw = np.random.default_rng(0)
    shapes = ((width, size), (outputs, width), (n, size))
    V, W, x = (torch.from_numpy(draw.standard_normal(s, dtype=np.float32)) for s in shapes)
    return V, W, x


def recipe(network: Network, full: bool) -> Callable[[], Tensor]:
    """The Jacobian contraction of the PyTorch tutorial on neural tangent kernels; its trace is a sum, so it is divided."""
    V, W, x = network
    width, size = V.shape

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.V, self.W = torch.nn.Parameter(V), torch.nn.Parameter(W)

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(x @ self.V.T / size**0.5) @ self.W.T / width**0.5

    net = Net()
    weights = {k: p.detach() for k, p in net.named_parameters()}

    def single(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        out: Tensor = functional_call(net, weights, (x.unsqueeze(0),)).squeeze(0)
        return out

    def run() -> Tensor:
        jacobians = vmap(jacrev(single), (None, 0))(weights, x)
        parts = [j.flatten(2) for j in jacobians.values()]
        if full:
            return sum(torch.einsum("Naf,Mbf->NMab", j, j) for j in parts)  # type: ignore[return-value]
        return sum(torch.einsum("Naf,Maf->NM", j, j) for j in parts) / len(W)  # type: ignore[return-value]

    return run


class Peer:
    """neural-tangents in a process of its own: one line asks for one run and answers with its seconds."""

    def __init__(self, python: str, network: Network, folder: Path, limit: float, patience: float) -> None:
        V, W, x = network
        np.savez(folder / "network.npz", V=V.numpy(), W=W.numpy(), x=x.numpy())
        self.folder, self.limit, self.patience = folder, limit, patience
        self.peak = self.used = 0.0
        environment = {**os.environ, "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            [python, str(WORKER), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
        )  # fmt: skip
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        """Ends the process above its limits of memory and of processor time, so that the machine survives."""
        page = resource.getpagesize()
        while self.process.poll() is None:
            try:
                resident = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * page / 2**30
                fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            except (OSError, IndexError):
                return
            self.peak = max(self.peak, resident)
            self.used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            if resident > self.limit or self.used > self.patience:
                self.process.kill()
            time.sleep(0.02)

    def ask(self, what: str) -> float | None:
        """Seconds of one run; None if it did not survive."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(what + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline().strip()
            return float(line) if line else None
        except (BrokenPipeError, ValueError):
            return None

    def result(self) -> Tensor:
        return torch.from_numpy(np.load(self.folder / "kernel.npy"))

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def timed(run: Callable[[], Tensor]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def compare(options: argparse.Namespace, full: bool) -> None:
    network = drawn(options.n, options.width, options.size, options.outputs)
    V, W, x = network
    name = "full" if full else "trace"

    def ours() -> Tensor:
        kernel = kernels.full_kernel if full else kernels.trace_kernel
        return kernel(V, W, x, activation="relu")

    print(
        f"\n{name} kernel, n {options.n}, M {options.width}, d {options.size}, K {options.outputs}, relu, float32"
    )
    with tempfile.TemporaryDirectory() as folder:
        peer = (
            Peer(options.peer, network, Path(folder), options.memory, options.patience)
            if options.peer
            else None
        )
        runs: dict[str, Callable[[], float | None]] = {"ours": lambda: timed(ours)}
        reference = ours().double()
        jacobian = options.n * options.outputs * (V.numel() + W.numel()) * 4 / 2**30
        if jacobian * 2 < options.memory and not (full and options.skip_recipe_full):
            theirs = recipe(network, full)
            agreement = theirs()
            shown = agreement.permute(2, 3, 0, 1) if full else agreement
            print(
                f"  torch.func recipe agrees to {float((shown - reference).norm() / reference.norm()):.1e}; Jacobian {jacobian:.2f} GiB"
            )
            runs["torch.func recipe"] = lambda: timed(theirs)
        else:
            print(f"  torch.func recipe left out: its Jacobian has {jacobian:.1f} GiB")
        if peer is not None:
            for method in options.methods.split(","):
                what = f"{method} {name}"
                if peer.ask(what) is None:
                    print(
                        f"  neural-tangents {method}: ended at {peer.peak:.1f} GiB and {peer.used:.0f} s (limits {options.memory:g} GiB, {options.patience:g} s)"
                    )
                    peer.close()
                    peer = Peer(options.peer, network, Path(folder), options.memory, options.patience)
                    continue
                held = peer.result()
                shown = held.permute(2, 3, 0, 1) if full else held
                print(
                    f"  neural-tangents {method} agrees to {float((shown - reference).norm() / reference.norm()):.1e}, peak {peer.peak:.1f} GiB"
                )
                runs[f"neural-tangents {method}"] = lambda p=peer, w=what: p.ask(w)
        times: dict[str, list[float]] = {k: [] for k in runs}
        for _ in range(options.repeats):
            for label, run in runs.items():
                seconds = run()
                if seconds is not None:
                    times[label].append(seconds)
        for label, seen in times.items():
            if not seen:
                continue
            ratios = [a / b for a, b in zip(seen, times["ours"], strict=False)]
            print(
                f"  {label:<44} {1e3 * min(seen):9.1f} ms min {1e3 * statistics.median(seen):9.1f} median   "
                f"ratio {statistics.median(ratios):7.2f}  ({min(ratios):.2f} to {max(ratios):.2f})"
            )
        if peer is not None:
            peer.close()


def large(options: argparse.Namespace) -> None:
    """Where memory matters: our kernel, then the peer under the same limit."""
    network = drawn(options.large, options.width, options.size, options.outputs)
    V, W, x = network
    n = options.large
    print(
        f"\ntrace kernel, n {n}, M {options.width}, d {options.size}, K {options.outputs}, relu, float32: the result alone has {n * n * 4 / 2**30:.2f} GiB"
    )
    began = time.process_time()
    kernels.trace_kernel(V, W, x, activation="relu")
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  ours: {seconds:.1f} s, peak of the process {peak:.2f} GiB")
    jacobian = n * options.outputs * (V.numel() + W.numel()) * 4 / 2**40
    print(f"  torch.func recipe: its Jacobian would have {jacobian:.2f} TiB")
    if not options.peer:
        return
    with tempfile.TemporaryDirectory() as folder:
        for method in options.methods.split(","):
            peer = Peer(options.peer, network, Path(folder), options.memory, options.patience)
            seconds = peer.ask(f"{method} trace")
            if seconds is None:
                print(
                    f"  neural-tangents {method}: ended at {peer.peak:.1f} GiB and {peer.used:.0f} s (limits {options.memory:g} GiB, {options.patience:g} s)"
                )
            else:
                print(f"  neural-tangents {method}: {seconds:.1f} s, peak {peer.peak:.1f} GiB")
            peer.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n", type=int, default=256)
    parser.add_argument("--width", type=int, default=4096)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--outputs", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--peer", default=None, help="an interpreter that can import neural-tangents")
    parser.add_argument("--methods", default="STRUCTURED_DERIVATIVES", help="its methods, comma-separated")
    parser.add_argument("--memory", type=float, default=10.0, help="GiB that a peer may use")
    parser.add_argument(
        "--large", type=int, default=None, metavar="N", help="one run at this many points instead"
    )
    parser.add_argument(
        "--patience", type=float, default=600.0, help="seconds of processor time that a peer may use"
    )
    parser.add_argument("--kernel", choices=("trace", "full", "both"), default="both")
    parser.add_argument("--skip-recipe-full", action="store_true")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # children too: all methods have the same core
    torch.set_num_threads(1)
    if options.large:
        large(options)
        return
    for full in (False, True):
        if options.kernel in ("both", "full" if full else "trace"):
            compare(options, full)


if __name__ == "__main__":
    main()
