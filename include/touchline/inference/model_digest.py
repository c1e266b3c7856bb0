"""Which model is it? Its digest; no model library is needed to tell."""

from __future__ import annotations

import hashlib
from pathlib import Path

from touchline.errors import ModelError
from touchline.known_models import known_at


def checked_digest(path: Path) -> str:
    """The digest of a model that is about to be used; one that touchline knows by name has to be what its name says.

    Raises:
        ModelError: it is not there, or is another file.
    """
    known = known_at(path)
    if known and not path.exists():
        raise ModelError(f"{known.name} is not in {path.parent}: run `touchline models fetch {known.name}`, then `make "
                         "images` where steps run in containers")
    digest = model_digest(path)
    if known and known.sha256 and digest != known.sha256:
        raise ModelError(f"{path} is damaged, or another file than its name says: run `touchline models fetch "
                         f"{known.name}`")
    return digest


def model_digest(path: Path) -> str:
    """Hex sha256 of a model: of its bytes, or of names and bytes of all files of a folder.

    Raises:
        ModelError: there is nothing at `path`.
    """
    if path.is_file():
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    files = sorted(file for file in path.rglob("*") if file.is_file())
    if not files:
        raise ModelError(f"{path} is not there or empty: set YOLO_MODEL_PATH, SPOTTER_MODEL_PATH and "
                         "ACTION_MODEL_PATH to models")
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(path).as_posix()} {model_digest(file)}\n".encode())
    return total.hexdigest()
