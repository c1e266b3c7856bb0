"""The pinhole camera shows points where geometry says they are."""

import numpy as np
import pytest

from touchline.simulator.camera import Camera, project

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
