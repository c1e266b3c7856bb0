import math
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from touchline.domain.action import Action
from touchline.domain.label import LABELS
from touchline.domain.recording import Timeline
from touchline.reels.plan import MatchFrame, merge_stretches, plan_reel
from touchline.reels.rules import load_rules

RULES = load_rules()
UNLIMITED = replace(RULES, reels={name: replace(kind, most_minutes=math.inf, most_share=1.0)
                                  for name, kind in RULES.reels.items()})
ONE_FILE = MatchFrame(Timeline((600_000,)))

actions = st.lists(
    st.builds(
        Action,
        st.integers(0, 900_000),
        st.sampled_from(LABELS),
        st.integers(0, 1000).map(lambda n: n / 1000),
        st.sampled_from(("model", "pattern", "mark")),
    ),
    max_size=40,
)
frames = st.builds(
    MatchFrame,
    st.lists(st.integers(500, 400_000), min_size=1, max_size=4).map(lambda some: Timeline(tuple(some))),
    st.lists(st.integers(0, 400_000), max_size=3).map(lambda some: tuple(sorted(some))),
)


def _cuts(reel):
    return [(clip.start_ms, clip.end_ms) for clip in reel.clips]


def _highlights(*found, frame=ONE_FILE):
    return plan_reel("highlights", found, frame, RULES)


@given(actions, frames, st.sampled_from(("highlights", "keeper")))
def test_clips_are_in_order_disjoint_and_inside_one_recording(found, frame, name):
    cuts = _cuts(plan_reel(name, found, frame, RULES))
    assert all(start < end for start, end in cuts)
    assert all(before[1] <= after[0] for before, after in pairwise(cuts))
    assert all(len(frame.timeline.spans(*cut)) == 1 for cut in cuts)
    assert not cuts or (cuts[0][0] >= 0 and cuts[-1][1] <= frame.timeline.duration_ms)


@given(actions, frames, st.sampled_from(("highlights", "keeper")))
def test_each_action_that_a_reel_without_limit_takes_is_seen(found, frame, name):
    reel = plan_reel(name, found, frame, UNLIMITED)
    for action in found:
        taken = RULES.takes(name, action.label, action.confidence, action.source)
        if taken and action.match_ms <= frame.timeline.duration_ms:
            assert any(
                clip.start_ms <= action.match_ms <= clip.end_ms and action.label in clip.labels for clip in reel.clips
            )


@given(actions, frames)
def test_every_mark_is_in_the_highlights(found, frame):
    reel = plan_reel("highlights", found, frame, RULES)
    for action in found:
        if action.source == "mark" and action.match_ms <= frame.timeline.duration_ms:
            assert any(clip.start_ms <= action.match_ms <= clip.end_ms for clip in reel.clips)


@given(actions, frames, st.sampled_from(("highlights", "keeper")), st.randoms(use_true_random=False))
def test_the_order_in_which_actions_come_does_not_matter(found, frame, name, chance):
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert plan_reel(name, shuffled, frame, RULES) == plan_reel(name, found, frame, RULES)


def _length_ms(reel):
    return sum(clip.end_ms - clip.start_ms for clip in reel.clips)


@given(actions, frames)
def test_highlights_keep_to_their_share_but_for_marks_and_the_best_action(found, frame):
    spotted = [action for action in found if action.source != "mark"]
    reel = plan_reel("highlights", spotted, frame, RULES)
    is_best_alone = any(_cuts(reel) == _cuts(plan_reel("highlights", [one], frame, UNLIMITED)) for one in spotted)
    most_ms = min(12 * 60_000, frame.timeline.duration_ms / 2)
    assert _length_ms(reel) <= most_ms or is_best_alone
    whole = plan_reel("highlights", spotted, frame, UNLIMITED)
    assert bool(reel.clips) == bool(whole.clips)
    assert _length_ms(whole) > most_ms or reel == whole


@given(actions, frames)
def test_merging_what_is_merged_changes_nothing(found, frame):
    from touchline.reels.plan import _stretches

    parts = [
        part
        for action in found
        if action.match_ms <= frame.timeline.duration_ms
        for part in _stretches(action, frame, RULES)
    ]
    once = merge_stretches(parts, RULES.merge_gap_ms)
    assert merge_stretches(once, RULES.merge_gap_ms) == once


@given(actions, frames)
def test_equal_cuts_of_two_reels_are_one_clip(found, frame):
    names = {}
    for name in ("highlights", "keeper"):
        for clip in plan_reel(name, found, frame, RULES).clips:
            names.setdefault((clip.start_ms, clip.end_ms), set()).add(clip.clip_id)
    assert all(len(ids) == 1 for ids in names.values())


def test_a_save_alone_is_the_same_clip_in_both_reels():
    save = [Action(100_000, "Save", 0.9)]
    highlights = plan_reel("highlights", save, ONE_FILE, RULES)
    assert highlights.clips == plan_reel("keeper", save, ONE_FILE, RULES).clips
    assert highlights.clips[0].clip_id == "clip-00092000-00106000"


def test_shot_and_goal_become_one_clip_named_by_the_goal():
    #   shot         88──────96──102
    #   goal            88──────────100──────────112
    reel = _highlights(Action(96_000, "Shots on target", 0.99), Action(100_000, "Goal", 0.7))
    assert _cuts(reel) == [(88_000, 112_000)]
    assert (reel.clips[0].label, reel.clips[0].confidence) == ("Goal", 0.7)
    assert reel.clips[0].labels == ("Shots on target", "Goal")


def test_clips_that_touch_or_leave_less_than_a_second_are_joined():
    first = Action(100_000, "Save", 0.9)  # 92 … 106
    assert len(_highlights(first, Action(115_000, "Save", 0.9)).clips) == 1  # 107 … 121
    assert len(_highlights(first, Action(115_001, "Save", 0.9)).clips) == 2


def test_a_clip_ends_where_the_match_ends():
    assert _cuts(_highlights(Action(2_000, "Goal", 1.0))) == [(0, 14_000)]
    assert _cuts(_highlights(Action(600_000, "Goal", 1.0))) == [(588_000, 600_000)]


def test_a_clip_crosses_the_border_of_chapters():
    chapters = MatchFrame(Timeline((300_000, 2_000, 300_000)), go_on=(False, True, True))
    assert _cuts(_highlights(Action(304_000, "Goal", 1.0), frame=chapters)) == [(292_000, 316_000)]
    assert _cuts(_highlights(Action(288_500, "Goal", 1.0), frame=chapters)) == [(276_500, 300_500)]
    assert [chapters.film_of(number) for number in range(3)] == [0, 0, 0]


def test_a_clip_is_split_where_the_camera_was_stopped():
    halves = MatchFrame(Timeline((300_000, 300_000)), go_on=(False, False))
    reel = _highlights(Action(304_000, "Goal", 1.0), frame=halves)
    assert _cuts(reel) == [(292_000, 300_000), (300_000, 316_000)]
    assert {clip.label for clip in reel.clips} == {"Goal"}


def test_less_than_a_second_beyond_a_stop_is_left_out():
    halves = MatchFrame(Timeline((300_000, 300_000)))
    assert _cuts(_highlights(Action(288_500, "Goal", 1.0), frame=halves)) == [(276_500, 300_000)]


def test_a_clip_does_not_run_into_the_other_half():
    halves = MatchFrame(Timeline((300_000, 300_000)), (2_000, 300_500))
    assert _cuts(_highlights(Action(298_000, "Goal", 1.0), frame=halves)) == [(286_000, 300_000)]
    assert _cuts(_highlights(Action(303_000, "Goal", 1.0), frame=halves)) == [(300_500, 315_000)]


def test_no_actions_give_an_empty_reel():
    assert _highlights().clips == ()


def test_a_full_reel_has_the_surest_and_most_interesting_in_order_of_time():
    # 100 s of match, so 50 s of highlights: a goal (24 s) and a save (14 s) fit, the weak shot and the other do not.
    frame = MatchFrame(Timeline((100_000,)))
    found = [Action(12_000, "Shots off target", 0.9), Action(30_000, "Save", 0.9), Action(60_000, "Goal", 0.8),
             Action(85_000, "Shots on target", 0.5)]
    assert [clip.label for clip in _highlights(*found, frame=frame).clips] == ["Save", "Goal"]


def test_a_long_match_has_at_most_twelve_minutes_of_highlights():
    found = [Action(30_000 * at, "Save", 0.5 + at / 1000) for at in range(1, 170)]
    reel = _highlights(*found, frame=MatchFrame(Timeline((90 * 60_000,))))
    assert 11.7 * 60_000 < _length_ms(reel) <= 12 * 60_000
    assert reel.clips[-1].start_ms == 169 * 30_000 - 8000, "the surest were taken"


def test_what_lies_in_the_clip_of_another_takes_no_room_and_is_named():
    short = MatchFrame(Timeline((36_000,)))
    found = [Action(19_000, "Shots on target", 0.5), Action(20_000, "Goal", 0.9), Action(3_000, "Save", 0.9)]
    [clip] = _highlights(*found, frame=short).clips
    assert (clip.label, clip.labels) == ("Goal", ("Shots on target", "Goal"))


def test_where_actions_are_few_the_best_candidates_follow_until_it_is_long_enough():
    found = [Action(100_000, "Save", 0.9, "model")]
    likely = [Action(100_000 * number, "Shots on target", 0.1 * number, "model") for number in range(2, 6)]
    more = [*likely, Action(550_000, "Throw-in", 0.9, "model"), Action(580_000, "Save", 0.05, "model")]
    frame = MatchFrame(Timeline((600_000,)))
    cuts = _cuts(plan_reel("highlights", found, frame, RULES, more))
    least_ms = RULES.least_ms("highlights", 600_000)
    shown = [one.match_ms for one in (*found, *more) if any(low <= one.match_ms <= end for low, end in cuts)]
    assert shown == [100_000, *(one.match_ms for one in likely)]
    assert sum(end - start for start, end in cuts) < least_ms  # nothing else was sure enough
    many = [Action(3000 * number, "Save", 0.2 + 0.001 * number, "model") for number in range(10, 190)]
    filled = plan_reel("highlights", found, frame, RULES, many)
    length = sum(end - start for start, end in _cuts(filled))
    assert least_ms <= length < least_ms + 20_000
    whole = plan_reel("highlights", many, frame, RULES)
    assert plan_reel("highlights", many, frame, RULES, likely) == whole


def test_the_only_candidate_is_shown_even_where_its_clip_is_long_for_the_film():
    short = MatchFrame(Timeline((10_000,)))
    assert len(_cuts(plan_reel("highlights", [], short, RULES, [Action(7000, "Save", 0.4, "model")]))) == 1
    assert _cuts(plan_reel("keeper", [], short, RULES, [Action(7000, "Save", 0.4, "model")])) == []
