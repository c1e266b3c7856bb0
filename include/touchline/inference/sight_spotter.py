"""Spotting on sights: which actions do people, ball, camera and sound speak of?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from touchline.domain.action import Spotting
from touchline.domain.label import LABELS
from touchline.errors import ModelError
from touchline.inference.sight_columns import PERSON, STEP
from touchline.inference.sight_features import SoundSteps, sight_features
from touchline.inference.sight_network import Answers, SightNetwork, answers
from touchline.seeing.sight import STEP_MS, Sight

PEAK_REACH = 10
"""Steps to either side in which a peak has to be the highest: two actions of one label lie further apart."""
LEAST_CONFIDENCE = 0.01


class SightSpotter:
    """A trained spotter, loaded from its folder."""

    def __init__(self, folder: Path) -> None:
        """Load `config.json` and `model.safetensors`.

        Raises:
            ModelError: a file is missing, damaged, or made for other numbers than this version reads.
        """
        self.labels, self.network = _load(folder)

    def answers(self, sights: Sequence[Sight], sound: SoundSteps | None) -> Answers:
        """Which actions happen at each step, and who acts. `sound` is None where there is none."""
        return answers(self.network, sight_features(sights, sound))

    def spot(self, sights: Sequence[Sight], sound: SoundSteps | None, start_ms: int = 0) -> list[Spotting]:
        """The peaks of all labels, in order of time; the first step shows `start_ms`."""
        return peaks(self.answers(sights, sound), self.labels, start_ms)


def peaks(said: Answers, labels: Sequence[str], start_ms: int = 0) -> list[Spotting]:
    """Steps that no step near them surpasses; of equal ones the first counts."""
    found = said.happens
    if not len(found):
        return []
    padded = np.pad(found, ((PEAK_REACH, PEAK_REACH), (0, 0)), constant_values=-1.0)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * PEAK_REACH + 1, axis=0)
    is_first = windows.argmax(axis=-1) == PEAK_REACH
    places = np.argwhere(is_first & (found >= LEAST_CONFIDENCE))
    return [Spotting(start_ms + int(step) * STEP_MS, labels[column], round(float(found[step, column]), 4),
                     round(float(said.away[step, column]), 3)) for step, column in places]


def keep_spotter(network: SightNetwork, labels: Sequence[str], recipe: Mapping[str, Any], folder: Path) -> None:
    """Write the folder that `SightSpotter` loads."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(network.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    config = {"labels": list(labels), **_columns_read(), "recipe": dict(recipe)}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def _load(folder: Path) -> tuple[tuple[str, ...], SightNetwork]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config = json.loads((folder / "config.json").read_text())
        labels = tuple(config["labels"])
        if {key: config[key] for key in _columns_read()} != _columns_read() or not set(labels) <= set(LABELS):
            raise ModelError(f"{folder} was made for other inputs or labels: train it again with this version")
        network = SightNetwork(len(labels))
        network.load_state_dict(load_file(folder / "model.safetensors"))
    except FileNotFoundError as error:
        raise ModelError(f"{folder} is not a spotter ({error.filename} is missing)") from None
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise ModelError(f"{folder} cannot be loaded as a spotter ({reason}): the files are damaged") from None
    return labels, network.eval()


def _columns_read() -> dict[str, list[str]]:
    return {"person": [one.name for one in PERSON], "step": [one.name for one in STEP]}
