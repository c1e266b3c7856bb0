"""The spotter on sights: any input may be missing, pieces change nothing, and what it learns can be loaded."""

import json

import numpy as np
import pytest

from touchline.errors import ModelError
from touchline.inference.sight_columns import INPUTS, PERSON, STEP, exchanged_teams, kept_columns, mirror_signs
from touchline.inference.sight_features import SoundSteps, sight_features
from touchline.inference.sight_network import REACH, Answers, SightNetwork, answers
from touchline.inference.sight_spotter import SightSpotter, keep_spotter, peaks
from touchline.inference.sight_training import LabelledSights, soft_targets, train_sight_network
from touchline.inference.torchvision_nms import torch
from touchline.seeing.sight import Sight

LABELS = ("Goal", "Foul")


def sights(count, seed=0, mirror=False):
    rng, made = np.random.default_rng(seed), []
    for step in range(count):
        x, y, size = rng.uniform(0.1, 0.9, 12), rng.uniform(0.3, 0.9, 12), rng.uniform(0.05, 0.2, 12)
        people = np.column_stack([x - 0.02, y - size, x + 0.02, y]).astype(np.float32)
        ball, camera = (float(x[0]), float(y[0])), (0.01 * np.sin(step), 0.002, 0.01)
        if mirror:
            people[:, [0, 2]] = 1 - people[:, [2, 0]]
            ball, camera = (1 - ball[0], ball[1]), (-camera[0], *camera[1:])
        made.append(Sight(people, rng.integers(-1, 6, 12).astype(np.int8), ball, camera, step == 30, 0.6))
    return made


def sound(count):
    loudness = np.full(count, -30.0)
    loudness[20:24] = -15
    return SoundSteps(500, loudness, np.zeros(count), np.zeros(count))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return SightNetwork(len(LABELS)).eval()


def happens(*arguments, **options):
    return answers(*arguments, **options).happens


def test_a_mirrored_film_is_read_as_the_film_with_changed_signs():
    one, other = sight_features(sights(60), None), sight_features(sights(60, mirror=True), None)
    assert one.steps * mirror_signs(STEP) == pytest.approx(other.steps, abs=1e-3)
    assert one.people * mirror_signs(PERSON) == pytest.approx(other.people.astype(np.float32), abs=0.02)


def test_teams_exchanged_twice_are_the_teams_again():
    for columns in (PERSON, STEP):
        order = exchanged_teams(columns)
        assert (order[order] == np.arange(len(columns))).all()
        assert (order != np.arange(len(columns))).any()


@pytest.mark.parametrize("name", INPUTS)
def test_a_film_without_an_input_is_read_as_one_in_which_that_is_left_out(network, name):
    made, heard = sights(40), sound(16)
    blind = {"ball": {"ball": None}, "camera": {"camera": None}, "shirts": {"shirts": np.full(12, -1, np.int8)},
             "people": {"people": np.zeros((0, 4), np.float32), "shirts": np.zeros(0, np.int8)}}.get(name)
    left_out = sight_features(made, heard).steps * kept_columns(STEP, frozenset({name}))
    if name == "sound":
        assert sight_features(made, None).steps == pytest.approx(left_out)
    elif blind:
        lacking = [Sight(**{key: getattr(one, key) for key in Sight.__slots__} | blind) for one in made]
        known = {"ball": "ball seen", "camera": "camera known", "shirts": "home count", "people": "people wide"}[name]
        column = [one.name for one in STEP].index(known)
        assert not sight_features(lacking, heard).steps[:, column].any()
        assert not left_out[:, column].any()
    assert np.isfinite(happens(network, sight_features(made, heard), frozenset({name}))).all()


def test_the_sound_is_counted_from_what_is_usual():
    loud = sight_features(sights(100), sound(40)).steps[:, [one.name for one in STEP].index("loud")]
    assert loud[50:58].min() > 0.9
    assert abs(loud[:40]).max() < 0.01


def test_pieces_of_a_film_give_what_the_whole_gives(network):
    features = sight_features(sights(400), None)
    whole = happens(network, features, piece=1000)
    assert whole == pytest.approx(happens(network, features, piece=90), abs=1e-5)
    changed = sight_features([*sights(200), *sights(200, seed=9)], None)
    assert whole[: 200 - REACH - 1] == pytest.approx(happens(network, changed)[: 200 - REACH - 1], abs=1e-5)


def test_no_film_and_nobody_in_it_are_no_error(network):
    assert happens(network, sight_features([], None)).shape == (0, 2)
    empty = Sight(np.zeros((0, 4), np.float32), np.zeros(0, np.int8), None, None, False, 0.0)
    assert np.isfinite(happens(network, sight_features([empty] * 5, None))).all()


def test_the_highest_step_nearby_is_the_spotting():
    found = np.zeros((60, 2), np.float32)
    found[[3, 20, 22, 59], 0] = 0.4, 0.6, 0.9, 0.3
    said = Answers(found, np.full_like(found, 0.75))
    spotted = peaks(said, LABELS, 1000)
    assert [(one.match_ms, one.label) for one in spotted] == [(1600, "Goal"), (5400, "Goal"), (12800, "Goal")]
    assert {one.away_share for one in spotted} == {0.75}
    assert peaks(Answers(found[:0], found[:0]), LABELS) == []


def test_the_aim_is_a_bell_about_the_action():
    target, away = soft_targets([(2000, 1, 1)], 2, 0, 20)
    assert target[:, 1].argmax() == 10
    assert target[10, 1] == 1
    assert 0 < target[13, 1] < 0.6
    assert not target[:, 0].any()
    assert away[10].tolist() == [0, 1]


def test_a_trained_spotter_is_the_same_from_the_same_seed_and_can_be_loaded(tmp_path):
    features = sight_features(sights(300), sound(120))
    films = [LabelledSights(features, ((20_000, 0, 0), (40_000, 1, 1)))]
    networks = [train_sight_network(films, 2, epochs=30, seed=seed, threads=1) for seed in (1, 1, 2)]
    one, again, other = (happens(network, features) for network in networks)
    assert (one == again).all()
    assert (one != other).any()
    keep_spotter(networks[0], LABELS, {"seed": 1}, tmp_path / "spotter")
    loaded = SightSpotter(tmp_path / "spotter")
    assert loaded.labels == LABELS
    assert (loaded.answers(sights(300), sound(120)).happens == one).all()


def test_damaged_and_foreign_spotters_are_refused_in_one_line(tmp_path, network):
    folder = tmp_path / "spotter"
    with pytest.raises(ModelError, match="missing"):
        SightSpotter(folder)
    keep_spotter(network, LABELS, {}, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "step": config["step"][1:]}))
    with pytest.raises(ModelError, match="train it again"):
        SightSpotter(folder)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="damaged"):
        SightSpotter(folder)
