"""Resolved spec to graph."""

from __future__ import annotations

from gencc.dsl import vocabulary as v

from . import exits
from . import order as algebra
from .ir import Graph, Node


def kind_text(variable: v.Variable) -> str:
    """A variable's type in a few words."""
    match variable.type:
        case v.Discrete():
            size = variable.type.size or len(variable.type.values) or "from data"
            text = f"discrete({size})"
        case v.Ordinal():
            text = f"ordinal({variable.type.size})"
        case v.Real():
            text = f"real({', '.join(map(str, variable.type.shape))})"
    return f"{text} x {variable.sites}" if variable.sites > 1 else text


def build(spec: v.Spec) -> Graph:
    """The graph of a spec.  Names that the resolver could not find are left out; it has reported them."""
    graph = Graph()
    names = {x.name for x in spec.variables}
    for x in spec.variables:
        graph.add(Node("variable", x.name, kind_text(x), x.span))
    if spec.data is not None:
        key = graph.add(Node("data", "data", spec.data.source, spec.data.span))
        for x in spec.variables:
            graph.join(key, "reads", f"variable:{x.name}")
    if spec.forward is not None and spec.forward.knows("order"):
        visits = graph.add(
            Node(
                "visits",
                "order",
                f"{spec.forward.rounds} x ({algebra.shown(spec.forward.order)})",
                spec.forward.where("order"),
            )
        )
        for name in sorted(algebra.variables(spec.forward.order) & names):
            graph.join(visits, "visits", f"variable:{name}")
    if spec.forward is not None:
        for name, kernel in spec.forward.noise.items():
            key = graph.add(Node("kernel", name, kernel.word, kernel.span))
            graph.join(key, "noises", f"variable:{name}")
    if spec.denoiser is not None:
        _denoiser(graph, spec)
    for number, task in enumerate(spec.tasks):
        if task.parts:
            key = graph.add(Node("condition", str(number), f"given {task.name}", task.span))
            for part in task.parts:
                graph.join(key, "conditions-on", f"variable:{part.variable}")
    for number, shape in enumerate(spec.shapes):
        key = graph.add(Node("shape", str(number), f"{shape.kind}: {shape.select.word}", shape.span))
        if "visits:order" in graph:
            graph.join(key, "shapes-at", "visits:order")
        elif isinstance(spec.denoiser, v.Diffusers):
            graph.join(key, "shapes-at", f"denoiser:{spec.denoiser.word}")
    for number, correct in enumerate(spec.corrects):
        graph.add(Node("correction", str(number), correct.kind, correct.span))
    for limit in spec.limits:
        _limit(graph, limit)
    return graph


def _denoiser(graph: Graph, spec: v.Spec) -> None:
    assert spec.denoiser is not None
    shown = spec.denoiser.pipeline if isinstance(spec.denoiser, v.Diffusers) else spec.denoiser.word
    key = graph.add(Node("denoiser", spec.denoiser.word, shown, spec.denoiser.span))
    for x in spec.variables:
        graph.join(f"variable:{x.name}", "reads", key)
    for prediction in spec.predictions:
        target = graph.add(Node("target", prediction.variable, prediction.target, prediction.span))
        graph.join(key, "predicts", target)
        graph.join(target, "scores", f"variable:{prediction.variable}")
    loops = spec.denoiser.loops if isinstance(spec.denoiser, v.Transformer) else ()
    before = key
    for loop in loops:
        node = _loop(graph, loop, loop.name)
        graph.join(before, "runs" if before == key else "precedes", node)
        before = node
    for distill in spec.distills:
        ends = []
        for exit_ in (distill.student, distill.teacher):
            if exit_ is None:
                continue
            name = exit_.path or f"{exit_.loop}.{exits.shown(exit_)}"
            text = f"trained before{f', {exit_.spec}' if exit_.spec else ''}" if exit_.path else name
            node = graph.add(Node("exit", name, text, exit_.span))
            if exit_.loop is not None and f"loop:{exit_.loop}" in graph:
                graph.join(f"loop:{exit_.loop}", "runs", node)
            ends.append(node)
        if len(ends) == 2:
            graph.join(ends[0], "distils-from", ends[1])


def _loop(graph: Graph, loop: v.Loop, name: str) -> str:
    """A loop and those inside it."""
    text = f"{loop.layers} layer{'s' * (loop.layers > 1)} x {loop.repeat.low}..{loop.repeat.high}"
    node = graph.add(Node("loop", name, text, loop.span))
    for inner in loop.loops:
        graph.join(node, "runs", _loop(graph, inner, f"{name}.{inner.name}"))
    return node


def _limit(graph: Graph, limit: v.Limit) -> None:
    key = graph.add(
        Node("limit", limit.name, f"{limit.network.word}, {limit.network.outputs} outputs", limit.span)
    )
    source = graph.add(
        Node(
            "data",
            limit.name,
            f"{limit.data.count} {limit.data.word} of {limit.data.source.word}",
            limit.data.span,
        )
    )
    graph.join(source, "reads", key)
    for label, loss in zip(limit.labels, limit.loss, strict=True):
        graph.join(graph.add(Node("loss", f"{limit.name}.{label}", label, loss.span)), "scores", key)
