"""How is a detector's .pt file loaded without running what it holds?

A .pt file is a pickle: loading one the ordinary way may call any function. Here only an allow-list of names is known
to the unpickler: layers of torch and ultralytics, and a few kinds of plain data. A layer is made without its
constructor (ultralytics' constructors evaluate text), and a call of one in the file is refused.
"""

from __future__ import annotations

import importlib
import pathlib
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from touchline.errors import ModelError
from touchline.inference.torchvision_nms import torch

LAYER_MODULES = ("torch.nn.modules", "ultralytics.nn.modules", "ultralytics.nn.tasks")
"""Classes derived from torch.nn.Module in these modules (and in those below them) may be in a file."""
LOSS_MODULES = ("ultralytics.utils.loss", "ultralytics.utils.tal", "ultralytics.yolo.utils.loss",
                "ultralytics.yolo.utils.tal")
"""What training measured with, which some files still hold: it becomes plain data, and nobody looks at it."""

Layer = torch.nn.Module
_Entry = Any
"""For torch: (what to use, the name it stands for)."""


def load_layers(path: Path) -> tuple[Layer, dict[str, Any]]:
    """Load an ultralytics checkpoint: its network in float32 for inference, and its training arguments.

    Raises:
        ModelError: the file is not such a checkpoint, or names something that is not on the allow-list.
    """
    checkpoint = _load_restricted(path)
    network = checkpoint.get("ema") or checkpoint.get("model") if isinstance(checkpoint, dict) else None
    if not isinstance(network, Layer) or not hasattr(network, "names"):
        raise ModelError(f"{path} holds no ultralytics detector: use a .pt file that ultralytics has trained")
    kind = getattr(type(network), "genuine", type(network)).__name__
    if kind != "DetectionModel":
        raise ModelError(f"{path} is a {kind} and not a detector of boxes: use a .pt file of the task \"detect\"")
    for layer in network.modules():
        layer.__class__ = getattr(type(layer), "genuine", type(layer))
        if isinstance(layer, torch.nn.Upsample) and not hasattr(layer, "recompute_scale_factor"):
            layer.recompute_scale_factor = None  # files of torch < 1.11 lack it
    arguments = checkpoint.get("train_args")
    return network.float().eval(), arguments if isinstance(arguments, dict) else {}


def _load_restricted(path: Path) -> Any:
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        entries = [_allowed(name, path) for name in names]
        if "numpy.dtype" in names:
            entries.append((type(np.dtype(np.float64)), "numpy.dtypes.Float64DType"))
        with torch.serialization.safe_globals(entries):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(f"{path} is not there: set YOLO_MODEL_PATH to a detector") from None
    except (OSError, ValueError, RuntimeError, EOFError, KeyError, TypeError, AttributeError,
            pickle.UnpicklingError) as error:
        raise ModelError(f"{path} cannot be loaded as a detector ({_reason(error)}): "
                         "the file is damaged or unsafe") from None


def _reason(error: Exception) -> str:
    """The heart of torch's message, which wraps the unpickler's own in advice to load the file unsafely."""
    text = str(error).rpartition("WeightsUnpickler error:")[2]
    return text.strip().partition("\n")[0][:200]


def _allowed(name: str, path: Path) -> _Entry:
    """The stand-in for a global that the file names.

    Raises:
        ModelError: it is not on the allow-list.
    """
    if name in _plain_data():
        return _plain_data()[name], name
    module, _, attribute = name.rpartition(".")
    if module in LOSS_MODULES:
        return SimpleNamespace, name
    if any(module == allowed or module.startswith(f"{allowed}.") for allowed in LAYER_MODULES):
        found = getattr(_import(module), attribute, None)
        if isinstance(found, type) and issubclass(found, Layer):
            return _shell(found), name
    raise ModelError(f"{path} is refused: it holds {name}, which a detector does not need and which may run code")


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def _shell(layer: type[Layer]) -> type[Layer]:
    """A class that pickle can make and fill as `layer`, but whose constructor refuses to run."""
    return type(layer.__name__, (layer,), {"__init__": _refuse, "genuine": layer})


def _refuse(self: Any, *_: Any, **__: Any) -> None:
    raise pickle.UnpicklingError(f"the file calls the constructor of {type(self).__name__}")


def _method_of_layer(owner: Any, name: str) -> Any:
    """What pickled references such as `Detect.forward` become: methods of layers, and nothing else."""
    if name not in ("forward", "forward_fuse"):
        raise pickle.UnpicklingError(f"the file asks for the attribute {name!r}")
    if isinstance(owner, type) and issubclass(owner, Layer):
        return getattr(owner, name)
    if isinstance(owner, Layer):
        return getattr(type(owner), name).__get__(owner)
    raise pickle.UnpicklingError(f"the file asks for {name!r} of a {type(owner).__name__}")


def _plain_data() -> dict[str, Any]:
    scalar = np.float64(0).__reduce__()[0]
    settings = ("ultralytics.utils.IterableSimpleNamespace", "ultralytics.yolo.utils.IterableSimpleNamespace")
    paths = [f"{module}.{kind}" for module in ("pathlib", "pathlib._local") for kind in ("PosixPath", "WindowsPath")]
    return {
        "builtins.getattr": _method_of_layer,
        "numpy.dtype": np.dtype,
        "numpy.core.multiarray.scalar": scalar,
        "numpy._core.multiarray.scalar": scalar,
        **dict.fromkeys(settings, SimpleNamespace),
        **dict.fromkeys(paths, pathlib.PurePosixPath),
    }
