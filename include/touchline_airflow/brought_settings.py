"""Which settings of another pipeline's `.env` do we take, and what do we say about them?

They harm nothing: an operator who brings such a file gets a running stack. Standard library only: `make stack` asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path

from touchline.known_models import SHIPPED_MODELS, known_models
from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings

_OWN_REDIS = "the stack brings its own Redis (redis://redis:6379/0), with a password in SECRETS_DIR/redis_password"

IN_THEIR_PLACE = {
    "REDIS_URL": _OWN_REDIS,
    "CELERY_BROKER_URL": _OWN_REDIS,
    "CELERY_RESULT_BACKEND": _OWN_REDIS,
    "MAX_CHUNK_OVERLAP": "chunks need no overlap: all windows lie on one grid over the match; where a GPU is out of "
                         "memory the batches become smaller by themselves",
}
"""Settings that nobody reads, and what there is in their place."""

_MODELS = {
    "YOLO_MODEL_PATH": "put the detector there, or empty YOLO_MODEL_PATH for the shipped one; else every chunk fails",
    "SPOTTER_MODEL_PATH": "put the spotter there, or empty SPOTTER_MODEL_PATH for the shipped one; else every match "
                          "fails",
    "ACTION_MODEL_PATH": "put the clip model there, or empty ACTION_MODEL_PATH to do without one; else every chunk "
                         "fails",
}
"""What to do where a model is not there."""


def remarks(environ: Mapping[str, str]) -> Iterator[str]:
    """One line for each setting that does not do what its name says, or that cannot work here."""
    for name, instead in IN_THEIR_PLACE.items():
        if environ.get(name, "").strip():
            yield f"{name} is not used: {instead}"
    for name, instead in _MODELS.items():
        if why := _trouble_with_model(environ.get(name, "").strip(), environ.get("MODELS_DIR", "").strip()):
            yield f"{name}={why}: {instead}"


def _trouble_with_model(path: str, models_dir: str) -> str | None:
    if path in known_models():
        lacks = not (SHIPPED_MODELS / path).exists()
        return f"{path} is not in {SHIPPED_MODELS} (`touchline models fetch {path}` gets it)" if lacks else None
    if path and not Path(path).exists():
        return f"{path} is not there"
    if path and models_dir and not Path(path).is_relative_to(models_dir):
        return f"{path} lies outside MODELS_DIR={models_dir}, where no container sees it"
    return None


def misspelt(names: Iterable[str], known: Iterable[str] = ()) -> Iterator[str]:
    """One line for each name that is none of ours but close to one; `known` are further names that are right."""
    ours = {item.name.upper() for kind in (Settings, DeploymentSettings) for item in fields(kind)}
    ours |= {*IN_THEIR_PLACE, *known}
    for name in sorted(set(names) - ours):
        if found := get_close_matches(name, sorted(ours), n=1, cutoff=0.85):
            yield f"{name} is not a setting and is not used: is {found[0]} meant?"
