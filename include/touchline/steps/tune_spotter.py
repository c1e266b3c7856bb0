"""Train the spotter further on matches of one's own: what was seen of them, and what somebody says happened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from touchline.domain.half import halves_from_kick_offs
from touchline.domain.label import find_label
from touchline.domain.layout import WorkFiles
from touchline.errors import UsageError
from touchline.exports.soccernet import Moment, read_labels
from touchline.inference.sight_features import sight_features
from touchline.inference.sight_spotter import SightSpotter, keep_spotter
from touchline.inference.sight_training import UNKNOWN_TEAM, LabelledSights, train_sight_network
from touchline.inference.spot_match import settled_stretches, sound_of_scan
from touchline.results.request import load_request
from touchline.results.result import read_result
from touchline.results.spotted import read_spotted
from touchline.seeing.glance import glance_from_plain
from touchline.seeing.sight import STEP_MS
from touchline.settings import Settings
from touchline.steps.merge_actions import kick_offs_of
from touchline.training.sight_figures import found_figures
from touchline.video.plain import recording_from_plain

EPOCHS = 20

Labelled = tuple[str, Path]
"""A match id, and the Labels-v2.json that says what happens in it."""


def tune_spotter(learn: Sequence[Labelled], output: Path, settings: Settings, *, epochs: int | None = None,
                 seed: int = 1, measure: Sequence[Labelled] = ()) -> None:
    """Write a spotter to the folder `output` that has learned from matches of one's own, on top of today's.

    Every match must have been processed, with its results still in WORKING_DIR. Of the matches `measure`, which should
    be others, it is printed as JSON how well they are spotted before and after.

    Raises:
        UsageError: no such match, its labels cannot be read or tell of nothing that the spotter knows, or `output`
            cannot be made.
        DamagedResultError: results of a match are missing: process it again.
        ModelError: SPOTTER_MODEL_PATH cannot be loaded.
    """
    begin = SightSpotter(settings.spotter_model_path)
    films = [film for one in learn for film in _films(one, begin.labels, settings)]
    measured = [film for one in measure for film in _films(one, begin.labels, settings)]
    try:  # now, and not after the training
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{output} cannot be made: {error.strerror}") from None
    network = train_sight_network(films, len(begin.labels), epochs=epochs or EPOCHS, seed=seed,
                                  threads=settings.max_workers, begin=begin.network)
    recipe = {"tuned on": [match_id for match_id, _ in learn], "epochs": epochs or EPOCHS, "seed": seed}
    keep_spotter(network, begin.labels, recipe, output)
    if measured:
        figures = {name: found_figures(one, measured, begin.labels)
                   for name, one in (("before", begin.network), ("after", network))}
        print(json.dumps(figures, indent=1))


def _films(labelled: Labelled, labels: Sequence[str], settings: Settings) -> Iterator[LabelledSights]:
    """The stretches of a match, each with what happens in it."""
    match_id, truth = labelled
    files = WorkFiles(settings.working_dir, load_request(match_id, settings).match_id)
    probed, scan = read_result(files.probe).result, read_result(files.scan).result
    actions = list(_actions(read_labels(truth), kick_offs_of(probed, scan), labels))
    if not actions:
        raise UsageError(f"{truth} tells of nothing that the spotter knows: it knows {', '.join(labels)}")
    glances = [glance_from_plain(one) for one in read_spotted(files)["glances"]]
    recordings = [recording_from_plain(one) for one in probed["recordings"]]
    for stretch in settled_stretches(glances, sound_of_scan(scan), recordings).stretches:
        end_ms = stretch.start_ms + len(stretch.sights) * STEP_MS
        inside = tuple((ms - stretch.start_ms, column, UNKNOWN_TEAM) for ms, column in actions
                       if stretch.start_ms <= ms < end_ms)
        yield LabelledSights(sight_features(stretch.sights, stretch.sound), inside)


def _actions(moments: Sequence[Moment], kick_offs: tuple[int, ...],
             labels: Sequence[str]) -> Iterator[tuple[int, int]]:
    """(ms of match time, column of the label) of each action that the spotter knows."""
    halves = {half.number: half.start_ms for half in halves_from_kick_offs(kick_offs)}
    for one in moments:
        label = find_label(one.label)
        if one.half not in halves:
            raise UsageError(f"the labels name half {one.half}, the match has {len(halves)}: write kick_offs into its "
                             "match.toml and process it again")
        if label in labels:
            yield halves[one.half] + one.position_ms, labels.index(label)
