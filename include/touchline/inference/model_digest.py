"""Which model is it? Its digest; no model library is needed to tell."""

from __future__ import annotations

import hashlib
from pathlib import Path

from touchline.errors import ModelError


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
        raise ModelError(f"{path} is not there or empty: set YOLO_MODEL_PATH and ACTION_MODEL_PATH to models")
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(path).as_posix()} {model_digest(file)}\n".encode())
    return total.hexdigest()
