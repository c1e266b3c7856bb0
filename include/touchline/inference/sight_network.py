"""The spotter's network: what people, ball, camera, place and sound do over 25 seconds → per label whether and who.

Each person goes through the same small network, and what comes out is pooled over all of them (sum and maximum), so
neither their number nor their order matters. Six convolutions over time, each twice as wide as the one before, see
12.6 s to either side of a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from touchline.inference.sight_columns import PERSON, STEP, kept_columns
from touchline.inference.sight_features import SightFeatures
from touchline.inference.torchvision_nms import torch

CHANNELS = 96
PERSON_CHANNELS = 32
DILATIONS = (1, 2, 4, 8, 16, 32)
REACH = sum(DILATIONS)
"""Steps to either side that have a say in one."""


class SightNetwork(torch.nn.Module):
    """Takes stretches of features; returns logits [N, T, labels] that the action happens, and that team 1 acts."""

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.labels = labels
        nn = torch.nn
        self.person = nn.Sequential(nn.Linear(len(PERSON), PERSON_CHANNELS), nn.ReLU(),
                                    nn.Linear(PERSON_CHANNELS, PERSON_CHANNELS), nn.ReLU())
        self.join = nn.Linear(2 * PERSON_CHANNELS + len(STEP), CHANNELS)
        self.norms = nn.ModuleList(nn.LayerNorm(CHANNELS) for _ in DILATIONS)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(CHANNELS, CHANNELS, 3, padding=dilation, dilation=dilation) for dilation in DILATIONS)
        self.head = nn.Sequential(nn.LayerNorm(CHANNELS), nn.Linear(CHANNELS, 2 * labels))

    def forward(self, people: torch.Tensor, present: torch.Tensor, steps: torch.Tensor,
                inside: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Beyond the ends of a film all is 0 in every layer, as the padding of the convolutions is."""
        each = self.person(people) * present[..., None]
        hidden = torch.relu(self.join(torch.cat([each.sum(2) / 8, each.amax(2), steps], dim=-1)))
        hidden = hidden * inside[..., None]
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            seen = (norm(hidden) * inside[..., None]).transpose(1, 2)
            hidden = (hidden + torch.relu(convolution(seen).transpose(1, 2))) * inside[..., None]
        logits = self.head(hidden)
        return logits[..., : self.labels], logits[..., self.labels :]


@dataclass(frozen=True, slots=True)
class Answers:
    """[T, labels] each: how sure it is that the action happens at this step, and if so, that team 1 acts."""

    happens: NDArray[np.float32]
    away: NDArray[np.float32]


def answers(network: SightNetwork, features: SightFeatures, missing: frozenset[str] = frozenset(),
            piece: int = 2000) -> Answers:
    """What the network says of every step; what `missing` names is not looked at. Memory is that of a `piece`."""
    count, found = len(features.steps), [np.zeros((2, 0, network.labels), np.float32)]
    keep_person = torch.from_numpy(kept_columns(PERSON, missing))
    keep_step = torch.from_numpy(kept_columns(STEP, missing))
    for first in range(0, count, piece):
        low, end = max(0, first - REACH), min(count, first + piece + REACH)
        people = torch.from_numpy(features.people[low:end].astype(np.float32)) * keep_person
        present = torch.from_numpy(features.present[low:end].astype(np.float32)) * ("people" not in missing)
        steps = torch.from_numpy(features.steps[low:end]) * keep_step
        with torch.inference_mode():
            logits = torch.cat(network(people[None], present[None], steps[None], torch.ones(1, end - low)))
        found.append(torch.sigmoid(logits[:, first - low : first - low + piece]).numpy())
    return Answers(*np.concatenate(found, axis=1))
