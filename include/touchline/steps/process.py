"""All steps of one match in one process, without Airflow."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm
from tqdm.contrib import DummyTqdmFile

from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles
from touchline.domain.step_table import STEPS
from touchline.errors import TouchlineError, UsageError
from touchline.progress import reporting_to
from touchline.results.files import folder_of, remove_tree
from touchline.results.folders import naming_folders
from touchline.results.request import Request
from touchline.results.result import read_result
from touchline.settings import Settings
from touchline.sidecars.find import stray_notes
from touchline.steps.merge_actions import merge_actions
from touchline.steps.plan_chunks import plan_chunks
from touchline.steps.plan_reels import plan_reels
from touchline.steps.probe import probe
from touchline.steps.publish import publish
from touchline.steps.register import register_match
from touchline.steps.render_reel import render_reel
from touchline.steps.scan import scan
from touchline.steps.spot_chunk import spot_chunk

_SHARES = {step.name: step.share for step in STEPS if step.share}


def process(
    recordings: Sequence[Path], output: Path, settings: Settings, reels: Sequence[str], *, force: bool = False
) -> Path:
    """Make and publish the match folder of one match; returns it and prints its path.

    Finished work of an earlier try is checked and reused. Without WORKING_DIR and SCRATCH_DIR in the environment the
    files between the steps are in `<output>/.touchline`.
    """
    settings = settings_for(output, settings)
    with naming_folders(settings):
        request = register_match(recordings, settings, reels)
        for line in stray_notes(Path(request.recordings[0])):
            print(line, file=sys.stderr)
        return make_match(request, settings, force=force)


def make_match(request: Request, settings: Settings, *, force: bool = False) -> Path:
    """All steps of a match whose request is written; returns its folder and prints the folder's path."""
    match_id = request.match_id
    files, scratch = WorkFiles(settings.working_dir, match_id), ScratchFiles(settings.scratch_dir, match_id)
    bar = ProgressBar()
    with _alone(files):
        try:
            with reporting_to(bar), redirect_stdout(DummyTqdmFile(sys.stderr)):
                probed = probe(match_id, settings, force=force).result
                bar.begin(sum(recording["duration_ms"] for recording in probed["recordings"]) / 1000)
                scan(match_id, settings, force=force)
                bar.finish("scan")
                _spot(match_id, files, settings, bar, force)
                merge_actions(match_id, settings, force=force)
                bar.finish("merge_actions")
                plan_reels(match_id, settings, force=force)
                for number, reel in enumerate(request.reels):
                    bar.part("render_reel", number, len(request.reels))
                    render_reel(match_id, reel, settings, force=force)
                bar.finish("render_reel")
                publish(match_id, settings, force=force)
                bar.finish("publish")
        finally:
            bar.close()
            if not request.is_provisional:  # its clips serve when the next chapter is there
                remove_tree(scratch.root)
    folder = MatchFolder(settings.nas_output_path, match_id).root
    print(folder)
    return folder


class ProgressBar:
    """One bar over all steps: stage, percent, rate in times real time, time left."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._length_s = 0.0
        self._done = dict.fromkeys(_SHARES, 0.0)
        self._place = (0, 1)

    def begin(self, length_s: float) -> None:
        """Start the bar for a match of this length in seconds."""
        self._length_s = length_s
        form = "{desc:<13} {percentage:3.0f} % |{bar}| {rate_noinv_fmt}, {remaining} left"
        self._bar = tqdm(
            total=round(length_s, 3),
            desc="scan",
            unit="x",
            bar_format=form,
            file=sys.stderr,
            mininterval=0.5,
            smoothing=0,
            dynamic_ncols=True,
        )

    def part(self, step: str, number: int, total: int) -> None:
        """What is reported from now on is part `number` of `total` equal parts of the step."""
        self._place = (number, total)
        self(step, "", 0.0)

    def finish(self, step: str) -> None:
        """A step is done as a whole."""
        self._place = (0, 1)
        self(step, "", 1.0)

    def __call__(self, step: str, part: str, fraction: float) -> None:
        """Receive a report (see `touchline.progress`)."""
        if self._bar is None or step not in _SHARES:
            return
        number, total = self._place
        self._done[step] = max(self._done[step], (number + fraction) / total)
        done = sum(_SHARES[name] * share for name, share in self._done.items())
        self._bar.set_description_str(step.replace("_", "-"), refresh=False)
        self._bar.update(done * self._length_s - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()


def _spot(match_id: str, files: WorkFiles, settings: Settings, bar: ProgressBar, force: bool) -> None:
    plan_chunks(match_id, settings, force=force)
    chunks = read_result(files.chunks).result["chunks"]
    for number, chunk in enumerate(chunks):
        bar.part("spot_chunk", number, len(chunks))
        spot_chunk(match_id, chunk["chunk_id"], settings, force=force)
    bar.finish("spot_chunk")


def settings_for(output: Path, settings: Settings) -> Settings:
    """With the folders of somebody who named nothing but `output`, which is made."""
    output = output.resolve()
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output {output} is a file: name a folder")
    output.mkdir(parents=True, exist_ok=True)
    working, scratch = settings.working_dir, settings.scratch_dir
    if working == Settings.working_dir:
        working = output / ".touchline"
    if scratch == Settings.scratch_dir:
        scratch = working / "scratch"
    return replace(settings, nas_output_path=output, working_dir=working, scratch_dir=scratch)


@contextmanager
def _alone(files: WorkFiles) -> Iterator[None]:
    lock = files.root / "process.lock"
    with folder_of(lock, make=True) as folder, ExitStack() as held:
        try:
            held.enter_context(folder.alone(lock.name))
        except BlockingIOError:
            raise TouchlineError(
                f"{files.match_id} is being processed by another touchline: wait until it ends"
            ) from None
        yield
