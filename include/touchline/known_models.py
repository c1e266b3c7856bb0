"""Which detectors does touchline know by name, where do they lie, and which one is used where nobody chose?

Standard library only: the settings, the install and the images ask, too.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SHIPPED_MODELS = Path(__file__).parent / "models"
"""Models with a name lie here: shipped ones, and beside them those that were fetched. Images carry both."""
DEFAULT_DETECTORS: tuple[str, ...] = ("yolov8n.pt", "detector.pt")
"""Where YOLO_MODEL_PATH is not set, the first of these that is here is the detector; the last one is shipped."""
FETCHED_BY_INSTALL = "yolov8n.pt"


@dataclass(frozen=True)
class KnownModel:
    """A detector with a name; `url`, `sha256` and `size_bytes` are empty for one that is shipped."""

    path: Path
    sees: str
    licence: str
    card: str
    url: str = ""
    sha256: str = ""
    size_bytes: int = 0

    @property
    def name(self) -> str:
        """The name of its file, as YOLO_MODEL_PATH takes it."""
        return self.path.name


def known_models(folder: Path = SHIPPED_MODELS) -> dict[str, KnownModel]:
    """All of them by name, in the order of the table."""
    table = tomllib.loads((folder / "known.toml").read_text())
    return {name: KnownModel(folder / name, **row) for name, row in table.items()}


def known_at(path: Path) -> KnownModel | None:
    """The known model whose place this is, whether or not it is there; None for a model of the club's own."""
    return known_models().get(path.name) if path.parent == SHIPPED_MODELS else None


def default_detector(folder: Path = SHIPPED_MODELS, names: Sequence[str] = DEFAULT_DETECTORS) -> Path:
    """The detector where nobody chose one; a file has its name only after its sum was found right."""
    return next((folder / name for name in names if (folder / name).is_file()), folder / names[-1])
