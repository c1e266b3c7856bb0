"""How many slots of the pool `gpu` does one chunk take? Read when a DAG file is parsed, so it never raises."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from touchline.known_models import SHIPPED_MODELS, known_models
from touchline.settings import Settings
from touchline_airflow.deployment import while_parsing

NVIDIA = Path("/dev/nvidiactl")
SMALL_MODELS_BYTES = 400_000_000
"""A detector and a clip model of this size together leave room for a second chunk on the same GPU."""

log = logging.getLogger(__name__)


def slots_per_chunk(environ: Mapping[str, str], gpu: Path = NVIDIA) -> int:
    """1 on a GPU with models of up to 400 MB together, else 2; GPU_SLOTS_PER_CHUNK (1 to 16) decides where it is set.

    The pool has two slots per GPU, or two in all. Without a GPU one chunk keeps all cores busy, and two at once are
    slower than one after the other. Where Airflow's own host has no GPU but the workers have, set the variable.

    Models that cannot be looked at here, because only the worker image has them, count as small.
    """
    if wanted := while_parsing("gpu_slots_per_chunk", environ):
        return int(wanted)
    if environ.get("USE_GPU", "").strip().lower() == "false" or not gpu.exists():
        return 2
    try:
        models = (_model(environ, "yolo_model_path"), _model(environ, "action_model_path"))
        return 1 if sum(_size_bytes(model) for model in models if model) <= SMALL_MODELS_BYTES else 2
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        log.warning("the size of the models is not known (%s): one slot per chunk", error)
        return 1


def _model(environ: Mapping[str, str], setting: str) -> Path | None:
    text = environ.get(setting.upper(), "").strip()
    if not text:
        default: Path | None = getattr(Settings, setting)
        return default
    return SHIPPED_MODELS / text if text in known_models() else Path(text)


def _size_bytes(path: Path) -> int:
    """Bytes of a model file, or of all files of a model folder."""
    if not path.is_dir():
        return path.stat().st_size

    def stop(error: OSError) -> None:
        raise error

    return sum(os.stat(os.path.join(folder, name)).st_size
               for folder, _, names in os.walk(path, onerror=stop) for name in names)
