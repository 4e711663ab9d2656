"""neural-tangents, driven line by line by `kernels.py`: `METHOD trace|full` runs once and prints seconds.

Run by the interpreter of an environment of its own; the first run of a method compiles and is not counted.
"""

import sys
import time
from pathlib import Path

import jax
import neural_tangents as nt
import numpy as np
from jax import numpy as jnp

folder = Path(sys.argv[1])
held = np.load(folder / "network.npz")
# Weights transposed once, outside: with `x @ V.T` inside the function its best method is tens of times slower.
weights, x = (jnp.asarray(held["V"].T), jnp.asarray(held["W"].T)), jnp.asarray(held["x"])
width, size = held["V"].shape
compiled = {}


def f(weights, x):
    V, W = weights
    return jnp.maximum(x @ V / size**0.5, 0) @ W / width**0.5


for line in sys.stdin:
    method, kind = line.split()
    first = (method, kind) not in compiled
    if first:
        axes = (-1,) if kind == "trace" else ()
        kernel = nt.empirical_ntk_fn(
            f, trace_axes=axes, vmap_axes=0, implementation=getattr(nt.NtkImplementation, method)
        )
        compiled[method, kind] = jax.jit(lambda p, x, kernel=kernel: kernel(x, None, p))
    run = compiled[method, kind]
    began = time.process_time()
    out = run(weights, x).block_until_ready()
    seconds = time.process_time() - began
    if first and len(x) <= 4096:
        np.save(folder / "kernel.npy", np.asarray(out))
    print(seconds, flush=True)
