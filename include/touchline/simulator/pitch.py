"""Where everything on the pitch is.

Metres, origin at the centre spot, x along the touchlines, y away from the main camera, z up.
Measures: IFAB Laws of the Game, Law 1, with the 105 x 68 m that UEFA asks for.
"""

LENGTH_M = 105.0
WIDTH_M = 68.0
HALF_LENGTH_M = LENGTH_M / 2
HALF_WIDTH_M = WIDTH_M / 2
LINE_WIDTH_M = 0.12
CIRCLE_RADIUS_M = 9.15
PENALTY_AREA_DEPTH_M = 16.5
PENALTY_AREA_HALF_WIDTH_M = 20.16
GOAL_AREA_DEPTH_M = 5.5
GOAL_AREA_HALF_WIDTH_M = 9.16
PENALTY_SPOT_M = 11.0
CORNER_RADIUS_M = 1.0
GOAL_HALF_WIDTH_M = 3.66
GOAL_HEIGHT_M = 2.44
GOAL_DEPTH_M = 2.0
BALL_RADIUS_M = 0.11
BOARD_GAP_M = 4.0
"""Distance from the lines to the advertising boards; the ball stops there."""
TUNNEL = (0.0, -HALF_WIDTH_M - 8.0)
"""Where a player goes who was sent off."""



def bound(value: float, least: float, greatest: float) -> float:
    """`value`, or the limit that it lies beyond."""
    return float(least if value < least else greatest if value > greatest else value)


def is_in_goal(x: float, y: float, z: float) -> bool:
    """Say whether a ball centred at (x, y, z) lies wholly behind the goal line, between the posts."""
    return (
        abs(x) > HALF_LENGTH_M + BALL_RADIUS_M
        and abs(x) < HALF_LENGTH_M + GOAL_DEPTH_M + 0.5
        and abs(y) < GOAL_HALF_WIDTH_M
        and z < GOAL_HEIGHT_M
    )
