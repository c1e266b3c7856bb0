"""The pinhole camera shows points where geometry says they are."""

from dataclasses import replace

import numpy as np
import pytest

from touchline.simulator.camera import CAMERAS, Camera, CameraCrew, project, rig_for
from touchline.simulator.look import look_for
from touchline.simulator.match import play_match
from touchline.simulator.stadium import build_stadium

CAMERA = Camera(place=(0.0, -60.0, 18.0), target=(5.0, 0.0, 0.5), focal_px=1500.0, width=1280, height=720)


def test_the_target_is_in_the_middle_of_the_picture():
    points, depth = project(CAMERA.matrix(), np.array([CAMERA.target]))
    assert points[0] == pytest.approx([640, 360])
    assert depth[0] == pytest.approx(np.linalg.norm(np.subtract(CAMERA.target, CAMERA.place)))


def test_right_is_right_and_up_is_up():
    points, _ = project(CAMERA.matrix(), np.array([(5.0, 0.0, 0.5), (8.0, 0.0, 0.5), (5.0, 0.0, 2.5)]))
    assert points[1, 0] > points[0, 0]
    assert points[2, 1] < points[0, 1]


def test_twice_the_focal_length_doubles_the_size():
    near = Camera(CAMERA.place, CAMERA.target, 3000.0, 1280, 720)
    point = np.array([(9.0, 2.0, 1.0)])
    wide, tele = (project(camera.matrix(), point)[0][0] - (640, 360) for camera in (CAMERA, near))
    assert tele == pytest.approx(wide * 2)


def test_a_turned_camera_keeps_its_middle_and_shows_the_right_higher():
    turned = replace(CAMERA, roll=0.1)
    points, _ = project(turned.matrix(), np.array([CAMERA.target, (9.0, 0.0, 0.5)]))
    straight, _ = project(CAMERA.matrix(), np.array([CAMERA.target, (9.0, 0.0, 0.5)]))
    assert points[0] == pytest.approx(straight[0])
    assert points[1, 1] < straight[1, 1]


@pytest.mark.parametrize("kind", CAMERAS)
def test_each_kind_of_camera_keeps_the_ball_in_the_picture_most_of_the_time(kind):
    crew = CameraCrew(rig_for(kind, look_for(4), 4), 4, 640, 360, (-1, -1))
    seen = []
    for state in play_match(40, 4):
        camera, ball = crew.film(state), state.world.ball
        (x, y), = project(camera.matrix(), np.array([(ball.x, ball.y, ball.z)]))[0]
        seen.append(0 <= x < 640 and 0 <= y < 360)
    assert np.mean(seen) > 0.8
    assert bool(crew.cuts) == (kind == "broadcast" and any(event.label == "Goal" for event in state.events))


def test_the_ground_behind_a_low_camera_is_not_seen_in_the_sky():
    look = look_for(3)
    rig = rig_for("phone", look, 3)
    stadium = build_stadium(look, 3, 320)
    level = Camera(rig.place, (rig.place[0], 0.0, rig.place[2]), 250.0, 320, 180)
    picture = np.zeros((180, 320, 4), np.uint8)
    stadium.ground.draw(picture, level.matrix())
    assert not picture[:89].any()
    assert picture[100:].any(axis=2).mean() > 0.9
