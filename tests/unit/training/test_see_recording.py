"""From a file to sights, end to end, with a detector of random weights."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the models' libraries are in the worker's environment only")
pytest.importorskip("ultralytics", reason="the models' libraries are in the worker's environment only")

from support.footage import ffmpeg
from touchline.inference.detector import Detector
from touchline.seeing.sight import SHIRTS
from touchline.training.see_recording import see_recording
from touchline.video.probe import probe_recording


def test_every_step_of_a_recording_is_seen_and_its_cut_is_found(own_settings, tmp_path, save_detector):
    film = tmp_path / "film.mp4"
    green, stand = ("color=c=0x3c8c32:s=320x180:r=25:d=1", "mandelbrot=s=320x180:r=25,trim=duration=1")
    ffmpeg("-f", "lavfi", "-i", f"{green},noise=alls=30:allf=t[a];{stand}[b];[a][b]concat=n=2", "-pix_fmt", "yuv420p",
           film)
    path = save_detector(tmp_path / "coco.pt", ("person", "sports ball"))
    sights = see_recording(probe_recording(film, ""), Detector(path, own_settings, batch=1), threads=1, closely=False)
    assert len(sights) == 10
    assert [sight.is_cut for sight in sights] == [False] * 5 + [True] + [False] * 4
    assert sights[2].grass > 0.9
    for sight in sights:
        assert sight.people.shape == (len(sight.shirts), 4)
        assert set(sight.shirts.tolist()) <= set(range(-1, len(SHIRTS)))
