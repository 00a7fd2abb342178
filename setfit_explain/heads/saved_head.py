"""A converted head as a file of tensors and a file of JSON: nothing in them can be executed.

``head.json`` is a tree of modules, each of a kind that `parts` knows, and ``head.safetensors`` their
float64 tensors under the names of ``TorchHead.state_dict``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from setfit_explain.errors import ModelError
from setfit_explain.heads import conversion  # noqa: F401 - registers every part
from setfit_explain.heads.parts import PARTS, Part, part_of
from setfit_explain.heads.torch_head import TorchHead

STRUCTURE_FILE, TENSORS_FILE = "head.json", "head.safetensors"
FORMAT, VERSION = "setfit-explain head", 1


def write_head(head: TorchHead, folder: Path, dimension: int) -> None:
    """Write ``head.json`` and ``head.safetensors``.

    Parameters
    ----------
    head
        The converted head.
    folder
        An existing folder.
    dimension
        Dimension of the embeddings that the head takes.

    Raises
    ------
    UnsupportedHeadError
        The head holds code, such as a torch module of the user's.
    """
    document = {"format": FORMAT, "version": VERSION, "dimension": dimension, "head": _describe(head)}
    tensors = {name: tensor.cpu().clone().contiguous() for name, tensor in head.state_dict().items()}
    (folder / STRUCTURE_FILE).write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", "ascii")
    save_file(tensors, folder / TENSORS_FILE)


def read_head(folder: Path) -> TorchHead:
    """Read what `write_head` wrote.

    Raises
    ------
    ModelError
        The files are damaged, of a later version, or do not belong together.
    """
    file = folder / STRUCTURE_FILE
    try:
        document = json.loads(file.read_text("utf-8"))
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ValueError("it was not written by setfit-explain convert")
        if document.get("version") != VERSION:
            raise ValueError(
                f"it is of version {document.get('version')!r}, and this setfit-explain reads version {VERSION}"
            )
        _check_names("it", document, ("format", "version", "dimension", "head"))
        # A copy of each: load_file maps the file into memory, where a change of it would change the head.
        tensors = {name: tensor.clone() for name, tensor in load_file(folder / TENSORS_FILE).items()}
        head = _rebuild(document["head"], "head", "", tensors)
        if tensors:
            raise ValueError(
                f"{TENSORS_FILE} holds tensors that no module takes: {', '.join(sorted(tensors))}"
            )
        if not isinstance(head, TorchHead):
            raise ValueError("its outermost module is no head")
        _check_answer(head, document["dimension"])
    except (OSError, ValueError, RecursionError, SafetensorError) as error:
        raise ModelError(
            f"The head {str(file)!r} cannot be read: {error}. Convert the original model again with "
            "setfit-explain convert."
        ) from error
    return head


def _describe(module: nn.Module) -> dict[str, Any]:
    part = part_of(module)
    return {
        "kind": part.kind,
        "settings": {name: setting.encode(getattr(module, name)) for name, setting in part.settings.items()},
        "tensors": {name: list(getattr(module, name).shape) for name in part.tensors},
        "children": {name: _describe(child) for name, child in module.named_children()},
    }


def _rebuild(node: Any, where: str, prefix: str, tensors: dict[str, Tensor]) -> nn.Module:
    """Build the module that a node describes, taking its tensors out of ``tensors``."""
    _check_names(where, node, ("kind", "settings", "tensors", "children"))
    part = PARTS.get(node["kind"]) if isinstance(node["kind"], str) else None
    if part is None:
        raise ValueError(
            f"{where} is of the unknown kind {node['kind']!r} (known: {', '.join(sorted(PARTS))})"
        )
    module = part.module.__new__(part.module)  # the attributes are set below, as they were
    nn.Module.__init__(module)
    _check_names(f"settings of {where}", node["settings"], part.settings)
    for name, setting in part.settings.items():
        value = node["settings"][name]
        try:
            setattr(module, name, setting.decode(value))
        except ValueError:
            raise ValueError(f"{name!r} of {where} is {value!r} instead of {setting.accepted}") from None
    _check_names(f"tensors of {where}", node["tensors"], part.tensors)
    for name, shape in node["tensors"].items():
        _add_tensor(module, part, name, _take(tensors, prefix + name, part.tensors[name], shape))
    children = node["children"]
    numbers = [str(number) for number in range(len(children))] if isinstance(children, dict) else ()
    _check_names(f"children of {where}", children, numbers if part.children is None else part.children)
    for name in numbers if part.children is None else part.children:
        module.add_module(name, _rebuild(children[name], f"{where}.{name}", f"{prefix}{name}.", tensors))
    return module


def _take(tensors: dict[str, Tensor], name: str, dtype: torch.dtype, shape: Any) -> Tensor:
    tensor = tensors.pop(name, None)
    if tensor is None:
        raise ValueError(f"{TENSORS_FILE} has no tensor {name!r}")
    if tensor.dtype != dtype or list(tensor.shape) != shape:
        raise ValueError(
            f"the tensor {name!r} is {tensor.dtype} of shape {list(tensor.shape)} instead of {dtype} of shape {shape}"
        )
    return tensor


def _add_tensor(module: nn.Module, part: Part, name: str, tensor: Tensor) -> None:
    if part.trained:
        module.register_parameter(name, nn.Parameter(tensor, requires_grad=False))
    else:
        module.register_buffer(name, tensor)


def _check_names(what: str, found: Any, expected: Iterable[str]) -> None:
    if not isinstance(found, dict) or set(found) != set(expected):
        names = ", ".join(found) if isinstance(found, dict) else type(found).__name__
        raise ValueError(f"{what}: found {names or 'nothing'}, expected {', '.join(expected) or 'nothing'}")


def _check_answer(head: TorchHead, dimension: Any) -> None:
    """Ask the head once: modules that do not fit one another show here, whatever they are."""
    if type(dimension) is not int:
        raise ValueError(f"'dimension' is {dimension!r} instead of an integer")
    try:
        with torch.no_grad():
            shape = tuple(head(torch.zeros(2, dimension, dtype=torch.float64)).shape)
    except (RuntimeError, IndexError, AttributeError, TypeError, ValueError, KeyError) as error:
        raise ValueError(f"its modules do not fit one another: {error}") from error
    if shape != (2, len(head.classes)):
        raise ValueError(
            f"its answers for 2 texts have shape {shape}, and it has {len(head.classes)} classes"
        )
