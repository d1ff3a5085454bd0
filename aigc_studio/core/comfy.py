"""Reading a ComfyUI graph: from the node that saves the picture back to the sampler, and from there to its texts,
numbers, model and size.

Graphs come as the program runs them ("prompt": id -> class and inputs, a link is [id, slot]) or as its window shows
them ("workflow": lists of nodes and links, values by position). Custom nodes are many: values are looked for by the
names of inputs, not of classes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["read_graph"]

_MOST_NODES = 5_000
_MOST_STEPS = 400
"""Of one walk; real graphs need a dozen."""
_BUDGET = 50_000
"""Nodes looked at for one graph, over all walks: a crafted one shall cost no more than a large real one."""

_TEXTS = ("populated_text", "text", "text_g", "text_l", "clip_l", "t5xxl", "prompt", "string", "value", "text_positive")
_JOINED = ("string_a", "string_b", "text_a", "text_b", "text_1", "text_2", "prefix", "suffix")
_NOT_TEXT = ("model", "clip", "vae", "image", "pixels", "latent_image", "samples", "control_net", "mask")

_WIDGETS = {
    "KSampler": ("seed", "", "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": ("", "noise_seed", "", "steps", "cfg", "sampler_name", "scheduler"),
    "CLIPTextEncode": ("text",),
    "CLIPTextEncodeFlux": ("clip_l", "t5xxl", "guidance"),
    "CLIPTextEncodeSDXL": ("", "", "", "", "", "", "text_g", "text_l"),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "UNETLoader": ("unet_name",),
    "LoraLoader": ("lora_name", "strength_model"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "EmptyLatentImage": ("width", "height"),
    "EmptySD3LatentImage": ("width", "height"),
    "RandomNoise": ("noise_seed",),
    "KSamplerSelect": ("sampler_name",),
    "BasicScheduler": ("scheduler", "steps"),
    "CFGGuider": ("cfg",),
    "FluxGuidance": ("guidance",),
}
"""Values by position of the classes that nearly every graph is made of."""


@dataclass(frozen=True)
class _Node:
    kind: str
    inputs: Mapping[str, Any]


class _Graph:
    """Nodes by id, and the ways between them."""

    def __init__(self, nodes: dict[str, _Node]) -> None:
        self.nodes = nodes
        self.budget = _BUDGET

    def linked(self, value: Any) -> str:
        """The id of the node that a value links to, "" for a plain value."""
        if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int) and str(value[0]) in self.nodes:
            return str(value[0])
        return ""

    def links(self, id: str, left_out: tuple[str, ...] = ()) -> list[str]:
        """Ids of the nodes that a node takes something from, in the order of its inputs."""
        inputs = self.nodes[id].inputs.items()
        return [other for name, value in inputs if name not in left_out and (other := self.linked(value))]

    def upstream(self, id: str) -> Iterator[str]:
        """A node and all that lead to it, nearest first."""
        waiting, seen = deque([id]), {id}
        while waiting and len(seen) < _MOST_NODES and self.budget > 0:
            now = waiting.popleft()
            self.budget -= 1
            yield now
            for other in self.links(now):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)

    def value(self, id: str, names: tuple[str, ...], kinds: type | tuple[type, ...]) -> Any:
        """The first of these inputs with a value of the right type, through links to nodes that hold one; or None."""
        for name in names:
            value = self.nodes[id].inputs.get(name)
            if isinstance(value, kinds) and not isinstance(value, bool):
                return value
            if other := self.linked(value):
                for held in self.nodes[other].inputs.values():
                    if isinstance(held, kinds) and not isinstance(held, bool):
                        return held
        return None


def read_graph(data: Any) -> dict[str, Any] | None:
    """What made the picture, by the fields of a recipe; None for what is no graph."""
    if not isinstance(data, dict) or len(data) > _MOST_NODES:
        return None
    graph = _Graph(_nodes_of_window(data) if isinstance(data.get("nodes"), list) else _nodes(data))
    sampler = _sampler(graph)
    if not sampler:
        return None
    guider = graph.linked(graph.nodes[sampler].inputs.get("guider"))
    sources = [id for id in (sampler, guider, *_helpers(graph, sampler)) if id]
    found: dict[str, Any] = {
        "seed": _first(graph, sources, ("seed", "noise_seed"), int),
        "steps": _first(graph, sources, ("steps",), int),
        "guidance": _first(graph, sources, ("cfg",), (int, float)),
    }
    names = [_first(graph, sources, (name,), str) for name in ("sampler_name", "scheduler")]
    found["sampler"] = " ".join(name for name in names if name)
    texts = {}
    for role in ("positive", "negative"):
        starts = [graph.linked(graph.nodes[id].inputs.get(role)) for id in sources]
        texts[role] = next((start for start in starts if start), "")
    if not texts["positive"]:
        starts = [graph.linked(graph.nodes[id].inputs.get("conditioning")) for id in sources]
        texts["positive"] = next((start for start in starts if start), "")
    found["prompt"] = _text(graph, texts["positive"], "positive")
    found["negative"] = _text(graph, texts["negative"], "negative") if texts["negative"] else None
    if texts["positive"]:
        guided = list(_conditioning(graph, texts["positive"], "positive"))
        strength = _first(graph, guided, ("guidance",), (int, float))
        found["guidance"] = strength if strength is not None else found["guidance"]
    return found | _model(graph, sources) | {"size": _size(graph, sources)}


def _nodes(data: dict[str, Any]) -> dict[str, _Node]:
    nodes = {}
    for id, node in data.items():
        if isinstance(node, dict) and isinstance(node.get("inputs"), dict):
            nodes[str(id)] = _Node(str(node.get("class_type", "")), node["inputs"])
    return nodes


def _nodes_of_window(data: dict[str, Any]) -> dict[str, _Node]:
    """The graph that the window shows: links are numbered, values stand in the order of a node's fields."""
    links = {}
    for link in data.get("links") or ():
        if isinstance(link, list) and len(link) >= 4 and all(isinstance(part, int) for part in link[:4]):
            links[link[0]] = [str(link[1]), link[2]]
    nodes = {}
    for node in data["nodes"][:_MOST_NODES]:
        if not isinstance(node, dict) or node.get("mode") in (2, 4):  # muted, bypassed
            continue
        kind = str(node.get("type", ""))
        values = node.get("widgets_values")
        inputs: dict[str, Any] = {}
        if isinstance(values, dict):
            inputs |= values
        elif isinstance(values, list):
            names = _WIDGETS.get(kind) or tuple(f"value{number or ''}" for number in range(len(values)))
            inputs |= {name: value for name, value in zip(names, values) if name and not isinstance(value, list | dict)}
        for slot in node.get("inputs") or ():
            if isinstance(slot, dict) and isinstance(slot.get("link"), int) and slot["link"] in links:
                inputs[str(slot.get("name"))] = links[slot["link"]]
        nodes[str(node.get("id"))] = _Node(kind, inputs)
    return nodes


def _is_sampler(node: _Node) -> bool:
    names = node.inputs.keys()
    return bool({"latent_image", "samples"} & names and ({"positive", "guider"} & names))


def _sampler(graph: _Graph) -> str:
    """The sampler that began the picture: of those that lead to an output, the one that no other leads to."""
    ends = [id for id, node in graph.nodes.items() if node.kind.startswith(("SaveImage", "Image Save", "PreviewImage"))]
    ends = sorted(ends, key=lambda id: graph.nodes[id].kind.startswith("PreviewImage")) or list(graph.nodes)
    for end in ends:
        samplers = [id for id in graph.upstream(end) if _is_sampler(graph.nodes[id])]
        for id in reversed(samplers):
            if not any(other != id and _is_sampler(graph.nodes[other]) for other in graph.upstream(id)):
                return id
    return ""


def _helpers(graph: _Graph, sampler: str) -> list[str]:
    """Nodes that only hold numbers for a sampler: noise, sampler's name, noise levels."""
    inputs = graph.nodes[sampler].inputs
    return [id for name in ("noise", "sampler", "sigmas") if (id := graph.linked(inputs.get(name)))]


def _first(graph: _Graph, ids: list[str], names: tuple[str, ...], kinds: type | tuple[type, ...]) -> Any:
    return next((value for id in ids if (value := graph.value(id, names, kinds)) is not None), None)


def _conditioning(graph: _Graph, start: str, role: str) -> Iterator[str]:
    """Nodes that a conditioning comes from, nearest first; where they split in two roles, only ours."""
    waiting, seen = deque([start]), {start}
    while waiting and len(seen) < _MOST_STEPS:
        id = waiting.popleft()
        yield id
        own = graph.linked(graph.nodes[id].inputs.get(role))
        for other in [own] if own else graph.links(id, _NOT_TEXT):
            if other not in seen:
                seen.add(other)
                waiting.append(other)


def _text(graph: _Graph, start: str, role: str) -> str:
    """The words that a conditioning was made from, several joined by commas."""
    found: list[str] = []
    for id in _conditioning(graph, start, role) if start else ():
        inputs = graph.nodes[id].inputs
        for names in (_TEXTS, _JOINED):
            texts = [inputs[name] for name in names if isinstance(inputs.get(name), str) and inputs[name].strip()]
            found += [text for text in dict.fromkeys(texts) if text not in found]
            if texts:
                break
    return ", ".join(text.strip() for text in found[:20])


def _model(graph: _Graph, sources: list[str]) -> dict[str, Any]:
    """The checkpoint's name and the LoRAs on the way to it."""
    loras: list[tuple[str, float]] = []
    start = next((id for source in sources if (id := graph.linked(graph.nodes[source].inputs.get("model")))), "")
    seen: set[str] = set()
    while start and start not in seen and len(seen) < _MOST_STEPS:
        seen.add(start)
        inputs = graph.nodes[start].inputs
        if isinstance(name := graph.value(start, ("ckpt_name", "unet_name", "model_name"), str), str):
            return {"model": name, "loras": tuple(reversed(loras))}
        if isinstance(name := inputs.get("lora_name"), str):
            weight = inputs.get("strength_model", 1.0)
            title = name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or name
            loras.append((title, float(weight) if isinstance(weight, int | float) and abs(weight) <= 100 else 1.0))
        start = graph.linked(inputs.get("model"))
    return {"model": "", "loras": tuple(reversed(loras))}


def _size(graph: _Graph, sources: list[str]) -> tuple[Any, Any]:
    """Width and height of the empty picture that the sampler began with; 0 when it began with another picture."""
    for source in sources:
        inputs = graph.nodes[source].inputs
        start = graph.linked(inputs.get("latent_image")) or graph.linked(inputs.get("samples"))
        for id in graph.upstream(start) if start else ():
            sides = tuple(graph.value(id, (name,), int) for name in ("width", "height"))
            if all(sides):
                return sides[0], sides[1]
    return 0, 0
