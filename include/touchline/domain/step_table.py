"""What is each step of a match? One row says it; command line, DAG, containers, books and metrics read it here.

A step has one name in all places: its task, its command (with hyphens), its module and function in `touchline.steps`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from touchline.domain.layout import WorkFiles


class Need(Enum):
    """What a step needs beside the match's small results; a container sees nothing else."""

    RECORDINGS = auto()
    NOTES = auto()
    """`match.toml` and `marks.csv` beside the first recording."""
    REVIEWS = auto()
    """What people decided about the match's actions."""
    COPY = auto()
    """It reads the recordings again after `scan`: where the NAS is slow, a machine with a copy of them is better."""
    SCRATCH = auto()
    """It writes to SCRATCH_DIR of its machine."""
    CLIPS = auto()
    """What it writes there are the clips of all reels: space for them must be free."""
    MODELS = auto()
    """Detector and clip model, and the leases by which the steps of one machine share its GPUs."""
    SPOTTER = auto()
    """The spotter, which reads what the chunks saw; it runs on the CPU."""
    GPU = auto()
    """It uses a GPU where there is one."""
    MATCH_FOLDER = auto()
    """It writes the published folder."""


@dataclass(frozen=True)
class Step:
    """One step of a match.

    `result`: where its result lies, for the part it works on. `part`: what its command calls that part, "" where it
    works on the whole match; `part_help`: for a person. `pool`: the Airflow pool, and the queue of the same name, in
    which its task waits. `hours`: after how long Airflow ends its task. `share`: its share of the whole time, measured
    on a 20-minute match on two cores; it steers the progress bar only. `is_gpu_time`: its time costs what a GPU does.
    """

    name: str
    purpose: str
    result: Callable[[WorkFiles, str], Path]
    needs: frozenset[Need] = frozenset()
    part: str = ""
    part_help: str = ""
    pool: str = "light"
    hours: float = 0.25
    share: float = 0.0
    is_gpu_time: bool = False

    @property
    def command(self) -> str:
        """`spot-chunk` of `spot_chunk`."""
        return self.name.replace("_", "-")


STEPS = (
    Step("probe", "Read what the recordings are: streams, durations, sidecar files.", lambda files, _: files.probe,
         frozenset({Need.RECORDINGS, Need.NOTES})),
    Step("scan", "Look over the whole match cheaply: motion, sound, hot windows.", lambda files, _: files.scan,
         frozenset({Need.RECORDINGS}), pool="scan", hours=4, share=0.02),
    Step("plan_chunks", "Cut the hot windows into chunks.", lambda files, _: files.chunks),
    Step("spot_chunk", "Look at one chunk: people, ball and camera, step by step.", WorkFiles.spottings,
         frozenset({Need.RECORDINGS, Need.COPY, Need.SCRATCH, Need.MODELS, Need.GPU}),
         part="CHUNK_ID", part_help="as in chunks.json: chunk-0003", pool="gpu", hours=2, share=0.57, is_gpu_time=True),
    Step("merge_actions", "Spot the actions of the match in what all chunks show.", lambda files, _: files.actions,
         frozenset({Need.REVIEWS, Need.SPOTTER}), share=0.01),
    Step("plan_reels", "Choose the clips of each reel.", lambda files, _: files.reels),
    Step("render_reel", "Render and check one reel.", WorkFiles.reel,
         frozenset({Need.RECORDINGS, Need.COPY, Need.SCRATCH, Need.CLIPS, Need.GPU}),
         part="REEL", part_help="as in reels.json: highlights", pool="render", hours=4, share=0.39),
    Step("publish", "Write the match folder and commit it.", lambda files, _: files.published,
         frozenset({Need.REVIEWS, Need.MATCH_FOLDER}), share=0.01),
)
"""All steps, in the order in which a match goes through them."""
_BY_NAME = {step.name: step for step in STEPS}


def step_named(name: str) -> Step:
    """The step whose task has this name.

    Raises:
        KeyError: there is none.
    """
    return _BY_NAME[name]
