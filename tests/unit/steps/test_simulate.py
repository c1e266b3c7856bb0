"""A simulated match comes with a film and truth that belong together."""

import json
import tomllib

import cv2
import pytest

from touchline.errors import UsageError
from touchline.steps.simulate import simulate

SECONDS, WIDTH, HEIGHT = 44, 256, 144


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    output = tmp_path_factory.mktemp("match")
    simulate(SECONDS, 3, "broadcast", WIDTH, HEIGHT, output)
    return output


def read(folder, name):
    return json.loads((folder / name).read_text())


def frames(path):
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.grab():
        count += 1
    return count


def test_it_leaves_four_files_and_nothing_else(folder):
    assert sorted(p.name for p in folder.iterdir()) == ["Labels-v2.json", "match.mp4", "match.toml", "truth.json"]


def test_the_film_has_as_many_frames_as_the_truth_says(folder):
    assert frames(folder / "match.mp4") == read(folder, "truth.json")["frames"] == SECONDS * 25


def test_labels_and_truth_agree(folder):
    truth = read(folder, "truth.json")
    starts = {half["half"]: half["start_ms"] for half in truth["halves"]}
    expected = [
        (a["half"], str(a["recording_ms"] - starts[a["half"]]), a["label"], a["team"]) for a in truth["actions"]
    ]
    found = [
        (int(a["gameTime"][0]), a["position"], a["label"], a["team"])
        for a in read(folder, "Labels-v2.json")["annotations"]
    ]
    assert found == expected
    assert found[0] == (1, "0", "Kick-off", "home")


def test_halves_and_cuts_lie_in_order_inside_the_film(folder):
    truth = read(folder, "truth.json")
    first, second = truth["halves"]
    assert 0 < first["start_ms"] < first["end_ms"] < second["start_ms"] < second["end_ms"] <= truth["duration_ms"]
    assert truth["cuts_ms"] == sorted(set(truth["cuts_ms"]))
    assert any(first["end_ms"] < cut < second["start_ms"] for cut in truth["cuts_ms"])


def test_boxes_lie_inside_the_picture_and_hold_all_classes(folder):
    truth = read(folder, "truth.json")
    boxes = [box for shown in truth["boxes"].values() for box in shown]
    assert {box[0] for box in boxes} == {"player", "goalkeeper", "referee", "ball"}
    assert all(0 <= x1 < x2 <= WIDTH and 0 <= y1 < y2 <= HEIGHT for _, x1, y1, x2, y2 in boxes)
    assert [int(frame) for frame in truth["boxes"]] == list(range(0, truth["frames"], truth["box_stride"]))


def test_the_ball_track_and_the_ball_boxes_are_the_same_ball(folder):
    truth = read(folder, "truth.json")
    track = {frame: (x, y) for frame, x, y in truth["ball"]}
    pairs = [
        (track[int(frame)], box) for frame, boxes in truth["boxes"].items() for box in boxes
        if box[0] == "ball" and int(frame) in track
    ]
    assert pairs
    assert all(box[1] - 0.2 <= x <= box[3] + 0.2 and box[2] - 0.2 <= y <= box[4] + 0.2 for (x, y), box in pairs)


def test_the_sidecar_gives_kick_offs_and_kits(folder):
    sidecar = tomllib.loads((folder / "match.toml").read_text())
    assert sidecar["kick_offs"][0] == "00:00:02.000"
    assert len(sidecar["kick_offs"]) == 2
    assert all(len(colour) == 7 and colour[0] == "#" for colour in sidecar["kits"].values())


def test_the_same_seed_gives_the_same_files(tmp_path):
    for name in ("a", "b"):
        simulate(8, 4, "broadcast", 128, 96, tmp_path / name)
    for file in ("truth.json", "match.mp4", "Labels-v2.json", "match.toml"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize(
    ("seconds", "camera", "width"), [(2, "broadcast", 640), (60, "drone", 640), (60, "broadcast", 641)]
)
def test_requests_that_cannot_be_met_are_refused(tmp_path, seconds, camera, width):
    with pytest.raises(UsageError):
        simulate(seconds, 1, camera, width, 360, tmp_path)
