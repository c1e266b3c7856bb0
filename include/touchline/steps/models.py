"""`touchline models`: which models are there, get a detector, and is what lies here what its name says?

Steps never use the network: a model is fetched here, once, by the install or by hand.
"""

from __future__ import annotations

import hashlib

from touchline.errors import ModelError, UsageError
from touchline.inference.download import download
from touchline.inference.model_digest import model_digest
from touchline.known_models import FETCHED_BY_INSTALL, KnownModel, known_at, known_models
from touchline.progress import report
from touchline.results.files import remove_leftovers, replacing
from touchline.settings import Settings

WITHOUT = "without it touchline uses the shipped small detector, which finds people but not the ball (MODEL_CARD.md)"


def list_models(settings: Settings) -> None:
    """Print each known detector with its state, what it sees, its licence and its card, and the models in use."""
    for model in known_models().values():
        print(f"{model.name}: {state_of(model)}")
        print(f"    sees {model.sees}\n    licence {model.licence}, card {model.card}")
    known = known_at(settings.yolo_model_path)
    print(f"in use: {known.name if known else settings.yolo_model_path} (YOLO_MODEL_PATH chooses)")
    print(f"spotter: {settings.spotter_model_path} (SPOTTER_MODEL_PATH chooses)")
    print(f"clip model: {settings.action_model_path or 'none'} (ACTION_MODEL_PATH chooses)")


def fetch_model(name: str) -> None:
    """Get a known detector, the install's where no name is given.

    Raises:
        UsageError: no model of that name can be fetched.
        ModelError: it did not come, or is not the right file; nothing is left of it then.
        StorageError: there is no room for it, or the folder cannot be written.
    """
    model = _named(name or FETCHED_BY_INSTALL)
    if not model.url:
        raise UsageError(f"{model.name} is shipped: there is nothing to fetch")
    if fetch(model):
        print(f"{model.name} is here now: YOLO_MODEL_PATH={model.name} uses it (licence {model.licence})")
    else:
        print(f"{model.name} was here already")


def fetch(model: KnownModel) -> bool:
    """Whether it had to be fetched; it gets its name only when its sum is right.

    Raises:
        ModelError, StorageError: as `fetch_model`.
    """
    if _is_whole(model):
        return False
    remove_leftovers(model.path)
    digest, received = hashlib.sha256(), 0
    try:
        with replacing(model.path) as handle:
            for piece in download(model.url, model.size_bytes):
                handle.write(piece)
                digest.update(piece)
                received += len(piece)
                report("models", received / model.size_bytes, model.name)
            if digest.hexdigest() != model.sha256:
                raise ModelError("what came has another sha256 than the file that was asked for")
    except ModelError as error:
        raise ModelError(f"{model.name} could not be fetched: {error}. {WITHOUT[0].upper()}{WITHOUT[1:]}; `touchline "
                         f"models fetch` tries again, or put {model.url} into {model.path.parent} by hand") from None
    return True


def verify_models(settings: Settings, name: str) -> None:
    """Check the sums of the known detectors that are here, and load the models in use: a club's own may be anything.

    With a name only that one is checked, and has to be here.

    Raises:
        ModelError: one is damaged or not here, or cannot be loaded, or knows no class of ours.
    """
    for model in [_named(name)] if name else known_models().values():
        state = state_of(model)
        if state in (DAMAGED, ABSENT) and (name or state == DAMAGED):
            raise ModelError(f"{model.path}: {state}")
        print(f"{model.name}: {state}")
    if not name:
        _load_models(settings)


def _load_models(settings: Settings) -> None:
    from touchline.inference.clip_model import ClipModel
    from touchline.inference.detector import Detector
    from touchline.inference.sight_spotter import SightSpotter

    path = settings.yolo_model_path
    print(f"in use: {path}: sees {', '.join(Detector(path, settings).sees)}")
    path = settings.spotter_model_path
    print(f"spotter: {path}: spots {', '.join(SightSpotter(path).labels)}")
    if settings.action_model_path:
        path = settings.action_model_path
        print(f"clip model: {path}: knows {', '.join(ClipModel(path, settings).labels)}")


ABSENT, DAMAGED, WHOLE, SHIPPED = (
    "not here", "damaged, or another file: its sha256 is not the right one", "here, sha256 is right", "shipped")


def state_of(model: KnownModel) -> str:
    """Whether a known model is here, and whole: one of the four words above."""
    if not model.sha256:
        return SHIPPED
    if not model.path.exists():
        return ABSENT
    return WHOLE if _is_whole(model) else DAMAGED


def _is_whole(model: KnownModel) -> bool:
    path = model.path
    return path.is_file() and path.stat().st_size == model.size_bytes and model_digest(path) == model.sha256


def _named(name: str) -> KnownModel:
    known = known_models()
    if name not in known:
        raise UsageError(f"{name!r} is not a model that touchline knows: use one of {', '.join(known)}")
    return known[name]
