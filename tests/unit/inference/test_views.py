from touchline.domain.detection import Detection
from touchline.inference.views import view


def seen(kind, score=0.9, x=0.5, y=0.5):
    return Detection(kind, score, x - 0.01, y - 0.02, x + 0.01, y + 0.02)


def test_a_view_counts_people_by_kind():
    found = view(800, [seen("player"), seen("player"), seen("goalkeeper"), seen("referee"), seen("player", 0.1)])
    assert (found["match_ms"], found["players"], found["goalkeepers"], found["referees"]) == (800, 2, 1, 1)


def test_the_best_ball_counts():
    found = view(0, [seen("ball", 0.3, 0.1, 0.2), seen("ball", 0.61239, 0.7, 0.8)])
    assert found["ball"] == [0.7, 0.8, 0.612]


def test_without_a_ball_there_is_none():
    assert view(0, [seen("ball", 0.05)])["ball"] is None


def test_spread_is_how_far_players_stand_apart():
    #  |.A.......B.|  half of them at 0.1, half at 0.9: 0.4 from the middle; the referee does not count
    assert view(0, [seen("player", x=0.1), seen("goalkeeper", x=0.9), seen("referee", x=0.5)])["spread"] == 0.4
    assert view(0, [seen("player")])["spread"] == 0.0
