"""The ball goes where it is kicked."""

import math

import pytest

from touchline.simulator.ballistics import FRAME_S, Ball, ground_kick, lofted_kick


@pytest.mark.parametrize("target", [(16.0, 3.0, 1.2), (-40.0, 12.0, 0.3), (8.0, -6.0, 2.0)])
def test_a_lofted_kick_passes_through_its_target(target):
    ball = Ball()
    ball.kick(lofted_kick(ball, target, seconds=1.2))
    for _ in range(round(1.2 / FRAME_S)):
        ball.step()
    assert math.dist((ball.x, ball.y, ball.z), target) < 0.3


def test_a_ground_pass_arrives_with_the_speed_asked_for():
    ball = Ball()
    ball.kick(ground_kick(20.0, 0.0, arrival_speed=5.0))
    while ball.x < 20.0:
        ball.step()
    assert ball.speed == pytest.approx(5.0, abs=0.3)


def test_a_dropped_ball_comes_to_rest_on_the_grass():
    ball = Ball(z=3.0, vx=4.0)
    for _ in range(300):
        ball.step()
    assert ball.speed == 0.0
    assert ball.z == pytest.approx(0.11)
