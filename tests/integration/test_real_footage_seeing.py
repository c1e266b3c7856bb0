"""On real film the camera is followed, cuts are found where they are, and people and ball are seen."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the models' libraries are in the worker's environment only")

from touchline.inference.detector import Detector
from touchline.inference.look import LOOK_FRAMES, look, look_size, stills
from touchline.inference.windows import frame_ms
from touchline.seeing.camera import chain, link_frames, prepare, small_size
from touchline.seeing.settle import settle
from touchline.seeing.table import seeing_table
from touchline.video.decode import decode_two_sizes
from touchline.video.ffmpeg_graph import Grid
from touchline.video.probe import probe_recording

FOOTAGE = Path(__file__).resolve().parents[3] / "shared" / "footage"
FPS = Fraction(seeing_table("motion")["fps"])

pytestmark = [
    pytest.mark.verify,  # a minute of two cores
    pytest.mark.footage,
    pytest.mark.skipif(not FOOTAGE.is_dir(), reason=f"the real footage is not here: {FOOTAGE} is not a folder"),
]


def decoded(name, start_ms, end_ms):
    recording = probe_recording(FOOTAGE / "clips" / f"{name}.mp4", "")
    full = look_size(recording)
    grid = Grid(FPS, int(start_ms * FPS / 1000), int(end_ms * FPS / 1000))
    return decode_two_sizes(recording, grid, small=small_size(*full), full=full, every=LOOK_FRAMES)


def links_of(name, start_ms, end_ms):
    small = [(frame_ms(number, FPS), prepare(shrunk)) for number, shrunk, _ in decoded(name, start_ms, end_ms)]
    return {at: link_frames(before, after) for (_, before), (at, after) in pairwise(small)}


@pytest.mark.parametrize(("name", "cut_ms"), [
    ("adesueb_football", 710), ("adesueb_football", 8680), ("osasasasa_soccer", 16_000), ("osasasasa_soccer", 19_500),
    ("towntowner_psg_miami_kickoff", 9100), ("towntowner_psg_miami_kickoff", 18_100)])
def test_a_cut_is_found_where_it_is_and_nowhere_near(name, cut_ms):
    cuts = [at for at, link in links_of(name, cut_ms - 600, cut_ms + 600).items() if link.is_cut]
    assert cuts == [pytest.approx(cut_ms, abs=80)]


@pytest.mark.parametrize(("name", "start_ms", "end_ms"), [
    ("lorenzo_match", 13_400, 15_400), ("mafeuz_indoor_dome4", 5400, 7400), ("gustavo_liga_gol4", 3800, 5800)])
def test_fast_pans_a_shaking_hand_and_a_pinched_zoom_are_followed(name, start_ms, end_ms):
    found = links_of(name, start_ms, end_ms)
    move, is_cut = chain(found.values(), 192, 108)
    assert move is not None
    assert not is_cut


def test_two_teams_and_the_ball_are_seen_on_a_broadcast(own_settings):
    model = FOOTAGE / "models" / "yolov8n_coco.pt"
    detector = Detector(model, own_settings, batch=1, least_ball_score=seeing_table("ball")["least_score"])
    moments = {index: 40 * index for index in range(0, 50, 5)}
    shown = stills(decoded("yeabb_soccer_possession2", 0, 2000), moments)
    [sights] = settle([list(look(shown, detector))], 16 / 9).stretches
    assert len(sights) == 10
    assert np.mean([len(sight.people) for sight in sights]) > 9
    shirts = np.concatenate([sight.shirts for sight in sights])
    assert min((shirts == 0).sum(), (shirts == 1).sum()) > 12
    assert sum(sight.ball is not None for sight in sights) >= 3
    assert all(sight.grass > 0.5 for sight in sights)
