import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser

import pytest

from support.merged import ALL_SEEN, UNKNOWN
from touchline.reels.evidence import WORDS, EvidenceView, evidence_view
from touchline.reels.report import ReportMatch, render_report
from touchline.reels.rules import load_rules
from touchline.spotting.fusion import fusion_table

RULES = load_rules()
MATCH = {
    "title": "Reds – Blues",
    "home": "Reds",
    "away": "Blues",
    "date": "2026-01-31",
    "kick_offs_ms": [2000, 300_000],
    "duration_ms": 600_000,
    "recordings": [{"file": "a.mp4", "start_ms": 0}],
    "our_keeper": None,
}
CLUBS = {"kits": {"home": "#c8102e", "away": "#1d428a"}, "told_by": "kits", "ours": "home"}
HOSTILE = '<script>alert("x")</script>\' onerror=1 &amp;'


def _action(match_ms, label, *, half=1, source="model", team=None):
    return {
        "match_ms": match_ms,
        "half": half,
        "position_ms": match_ms - MATCH["kick_offs_ms"][half - 1],
        "label": label,
        "confidence": 0.876,
        "source": source,
        "team": team,
        "evidence": {},
    }


def _clip(start_ms, end_ms, reel_start_ms, label, *others):
    return {
        "clip_id": f"clip-{start_ms:08d}-{end_ms:08d}",
        "start_ms": start_ms,
        "end_ms": end_ms,
        "reel_start_ms": reel_start_ms,
        "label": label,
        "labels": [label, *others],
        "confidence": 0.9,
    }


def _page(actions=(), highlights=(), keeper=(), thumbnails=None, candidates=(), sides=UNKNOWN, seen=ALL_SEEN, **match):
    reels = [
        {"name": "highlights", "duration_ms": 60_000, "clips": list(highlights)},
        {"name": "keeper", "duration_ms": 60_000, "clips": list(keeper)},
    ]
    content = ReportMatch({**MATCH, **match}, list(actions), list(candidates), sides, seen, reels, thumbnails or {})
    return render_report(content, RULES)


@pytest.mark.parametrize(("lacks", "said"), [
    ({"sound": False}, "There is no sound"), ({"people": 2}, "Few people were seen, 2 at a time"),
    ({"ball": 0.02}, "The ball was hardly ever seen (2 % of the time)"), ({"camera": 0.5}, "followed in 50 %"),
    ({"teams": False}, "could not be told apart"), ({"score": False}, "No score was read")])
def test_the_page_says_what_the_film_did_not_give_and_that_percentages_only_rank(lacks, said):
    assert said not in _page()
    assert said in _page(seen={**ALL_SEEN, **lacks})
    assert "not calibrated" in _page()


def test_the_page_of_a_recording_that_is_still_written_says_so():
    content = ReportMatch(MATCH, [], [], UNKNOWN, ALL_SEEN, [], {}, is_provisional=True)
    assert "still being written" in render_report(content, RULES)
    assert "still being written" not in _page()


class _Tags(HTMLParser):
    """Every tag with its attributes; fails on tags that are not closed in order."""

    VOID = ("meta", "link", "img", "rect", "line", "circle")

    def __init__(self, page):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def _tags(page, name, **wanted):
    return [
        attrs
        for tag, attrs in _Tags(page).tags
        if tag == name and all(attrs.get(key.rstrip("_")) == value for key, value in wanted.items())
    ]


SAVE, CORNER = _action(100_000, "Save"), _action(200_000, "Corner")
SAVE_CLIP = _clip(92_000, 106_000, 5000, "Save")


def test_both_reels_play_in_place_from_the_files_beside_the_page():
    page = _page([SAVE], [SAVE_CLIP], [SAVE_CLIP])
    assert [video["src"] for video in _tags(page, "video")] == ["reels/highlights.mp4", "reels/keeper.mp4"]


def test_nothing_is_loaded_from_elsewhere():
    page = _page([SAVE, CORNER], [SAVE_CLIP], thumbnails={("highlights", SAVE_CLIP["clip_id"]): b"\xff\xd8"})
    assert not re.search(r"(?i)https?:|//[a-z0-9.-]+\.[a-z]{2,}|@import|url\(", page)
    for _, attributes in _Tags(page).tags:
        for name in ("src", "href"):
            address = attributes.get(name)
            assert address in (None, "actions.json") or address.startswith(("data:", "reels/"))


def test_the_policy_lets_its_own_script_and_style_run_and_nothing_else():
    page = _page([SAVE, CORNER], [SAVE_CLIP], thumbnails={("highlights", SAVE_CLIP["clip_id"]): b"\xff\xd8"})
    policy = html.unescape(re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', page)[1])
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    for what, rule in (("script", "script-src"), ("style", "style-src")):
        [text] = re.findall(f"<{what}>(.*?)</{what}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules.pop(rule) == f"'sha256-{digest}'"
    assert rules == {"default-src": "'none'", "img-src": "data:", "media-src": "'self' file:", "base-uri": "'none'",
                     "form-action": "'none'"}
    assert page.index("Content-Security-Policy") < min(page.index("<style"), page.index("<script"))


def test_no_element_has_a_style_or_a_script_of_its_own():
    page = _page([SAVE, CORNER], [SAVE_CLIP], [SAVE_CLIP])
    assert not [tag for tag, attributes in _Tags(page).tags
                if any(name == "style" or name.startswith("on") for name in attributes)]


def test_a_label_has_its_colour_wherever_it_stands():
    page = _page([SAVE], [SAVE_CLIP])
    colour = RULES.of("Save").colour
    assert f"i.colour-{colour[1:]} {{ background: {colour}; }}" in page
    assert len(_tags(page, "i", class_=f"colour-{colour[1:]}")) == 3, "filter, clip and line"


def test_a_reel_has_its_colour_on_the_timeline_and_in_the_key_whatever_kind_it_is(new_kind):
    rules = load_rules(new_kind)
    reels = [{"name": name, "duration_ms": 60_000, "clips": [SAVE_CLIP]} for name in rules.reels]
    page = render_report(ReportMatch(MATCH, [SAVE], [], UNKNOWN, ALL_SEEN, reels, {}), rules)
    for name, kind in rules.reels.items():
        assert (f".band-{name} {{ --band: {kind.colour}; }} "
                f"@media (prefers-color-scheme: dark) {{ .band-{name} {{ --band: {kind.colour_dark}; }} }}") in page
        assert len(_tags(page, "rect", class_=f"band band-{name}")) == 1
        assert len(_tags(page, "i", class_=f"band-{name}")) == 1
    assert len(rules.reels) == len(RULES.reels) + 1


def test_an_action_leads_to_its_moment_in_the_reel_with_four_seconds_before_it():
    page = _page([SAVE], [SAVE_CLIP])
    link = _tags(page, "a", class_="action")[0]
    assert link["href"] == "reels/highlights.mp4#t=9.000"
    assert link["data-places"].split() == ["highlights:9000"]


def test_an_action_at_the_start_of_its_clip_leads_to_the_start_of_the_clip():
    page = _page([_action(93_000, "Save")], [SAVE_CLIP])
    assert _tags(page, "a", class_="action")[0]["data-places"].split() == ["highlights:5000"]


def test_an_action_of_no_reel_is_listed_but_leads_nowhere():
    page = _page([SAVE, CORNER], [SAVE_CLIP])
    assert len(_tags(page, "a", class_="action")) == 1
    assert "in no reel" in page


def test_each_half_has_a_timeline_with_its_own_marks():
    page = _page([SAVE, _action(450_000, "Goal", half=2)])
    assert [half["data-start"] for half in _tags(page, "svg", class_="half")] == ["0", "300000"]
    assert "First half" in page and "Second half" in page
    assert [mark["data-label"] for mark in _tags(page, "g")] == ["Save", "Goal"]
    assert {circle["cx"] for circle in _tags(page, "circle")} == {"33.333%", "50.0%"}


def test_without_known_kick_offs_there_is_one_timeline_of_the_match():
    page = _page([], kick_offs_ms=[])
    assert len(_tags(page, "svg")) == 1
    assert "First half" not in page


def test_an_action_shows_time_confidence_and_where_it_comes_from():
    page = _page([_action(100_000, "Save", source="mark")])
    assert "<time>01:38</time>" in page
    assert "88 %" in page
    assert "coach’s mark" in page


def test_labels_can_be_filtered_with_their_counts():
    page = _page([SAVE, CORNER, _action(210_000, "Corner")])
    labels = [button["data-label"] for button in _tags(page, "button") if "aria-pressed" in button]
    assert labels == ["", "Corner", "Save"]


def test_thumbnails_are_part_of_the_page():
    picture = b"\xff\xd8 picture"
    page = _page([SAVE], [SAVE_CLIP], thumbnails={("highlights", SAVE_CLIP["clip_id"]): picture})
    assert _tags(page, "img")[0]["src"] == f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"


def test_a_match_without_actions_says_so_and_what_can_be_done():
    page = _page()
    assert "No actions were found in this match." in page
    assert "MIN_EVENT_CONFIDENCE" in page
    assert _tags(page, "video") == []


def test_a_reel_without_clips_says_so():
    page = _page([SAVE], [SAVE_CLIP])
    assert "Goalkeepers: no clips. None of the actions belongs in this reel." in page
    assert len(_tags(page, "video")) == 1


def test_the_keeper_reel_says_why_it_shows_both_keepers():
    assert "Both goalkeepers: match.toml does not say which is yours (our_keeper)." in _page([SAVE], keeper=[SAVE_CLIP])
    page = _page([SAVE], keeper=[SAVE_CLIP], our_keeper="#f2c200")
    assert "Both goalkeepers: the teams’ shirts could not be told apart." in page
    page = _page([SAVE], keeper=[SAVE_CLIP], our_keeper="#f2c200", sides={**CLUBS, "ours": None})
    assert "Both goalkeepers: the shirts in the film do not tell which is yours; " in page


def test_the_keeper_reel_says_that_it_shows_your_keeper_and_how_much_could_not_be_told():
    home = _action(100_000, "Save", team="home")
    page = _page([home, CORNER], keeper=[SAVE_CLIP], our_keeper="#f2c200", sides=CLUBS)
    [note] = re.findall(r'<p class="note">(.*?)</p>', page, re.DOTALL)
    assert re.sub("<svg.*</svg>", "■", note) == (
        "Your goalkeeper ■, and 1 action of which it could not be told whose goalkeeper is concerned.")
    assert 'fill="#f2c200"' in note
    page = _page([home], keeper=[SAVE_CLIP], our_keeper="#f2c200", sides=CLUBS)
    assert "</svg>.</p>" in page and "could not be told" not in page


def test_an_empty_keeper_reel_says_whose_keeper_it_would_show():
    page = _page([_action(100_000, "Save", team="away")], [SAVE_CLIP], sides=CLUBS, our_keeper="#f2c200")
    assert re.search(r"Goalkeepers: no clips\. None of the actions belongs in this reel\. +Your goalkeeper <svg", page)


def test_an_action_names_the_team_that_acts_beside_its_colour():
    page = _page([_action(100_000, "Save", team="away"), CORNER], [SAVE_CLIP], sides=CLUBS)
    assert re.findall(r'class="from">(.*?)</span>', page, re.DOTALL)[1] == "spotted"
    assert re.search(r'class="from">spotted · Blues <svg[^>]*aria-label="#1d428a"', page)
    assert "spotted · Away <svg" in _page([_action(100_000, "Save", team="away")], sides=CLUBS, away=None)
    seen = {"kits": {"first": "#c8102e", "second": "#1d428a"}, "told_by": None, "ours": None}
    assert "spotted · team in <svg" in _page([_action(100_000, "Save", team="second")], sides=seen)


def test_a_hostile_colour_is_not_drawn():
    sides = {**CLUBS, "kits": {"home": HOSTILE}}
    page = _page([_action(100_000, "Save", team="home")], keeper=[SAVE_CLIP], sides=sides, our_keeper=HOSTILE)
    assert not _tags(page, "svg", class_="shirt")
    assert "<script>alert" not in page


@pytest.mark.parametrize("field", ["title", "home", "away"])
def test_names_from_files_are_text_and_nothing_else(field):
    actions = [SAVE, *(_action(100_000, "Save", team=team) for team in CLUBS["kits"])]
    page = _page(actions, [SAVE_CLIP], sides=CLUBS, **{field: HOSTILE})
    assert len(_tags(page, "script")) == 2
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(&#34;x&#34;)" in page


def test_a_hostile_label_or_file_name_is_text_too():
    hostile = {**SAVE, "label": HOSTILE}
    clip = {**SAVE_CLIP, "label": HOSTILE, "labels": [HOSTILE, HOSTILE + "2"]}
    page = _page([hostile], [clip], recordings=[{"file": HOSTILE, "start_ms": 0}])
    assert len(_tags(page, "script")) == 2
    assert "<script>alert" not in page


def test_the_script_gets_its_data_as_json_that_cannot_end_the_script_element():
    page = _page([SAVE], [SAVE_CLIP])
    data = re.search(r'<script type="application/json" id="clips">(.*?)</script>', page)[1]
    assert json.loads(data) == {"highlights": [[92_000, 106_000, 5000]], "keeper": []}


def test_equal_content_gives_an_equal_page():
    assert _page([SAVE, CORNER], [SAVE_CLIP]) == _page([SAVE, CORNER], [SAVE_CLIP])


def _candidate(match_ms, label, *others, **evidence):
    told = [{"label": other, "confidence": 0.12} for other in others]
    return {**_action(match_ms, label), "confidence": 0.34, "evidence": evidence, "others": told}


def test_an_action_says_in_plain_words_what_speaks_for_and_against_it():
    page = _page([{**SAVE, "evidence": {"spotter": 0.41, "surge": 0.5, "corner_after": 1.3, "few_players": -0.6}}])
    assert "spotter alone 41 %" in page
    assert "<b>for it</b> corner after it, the crowd got louder" in page
    assert "<b>against it</b> few people in the picture" in page


def test_candidates_are_listed_in_their_order_with_what_else_they_may_be():
    page = _page([SAVE], [SAVE_CLIP], candidates=[_candidate(310_000, "Goal", "Save", spotter=0.34, instead="Corner"),
                                                  _candidate(98_000, "Foul", spotter=0.2)])
    assert "Candidates: not in the reels <small>2</small>" in page
    listed = page[page.index("Candidates: not"):]
    assert listed.index('data-label="Goal"') < listed.index('data-label="Foul"')
    assert "<b>or</b> Save 12 %" in listed and "the same shot is taken as “Corner”" in listed
    assert "recording 05:10" in listed, "no reel shows it"
    link = _tags(page, "a", class_="action")[-1]
    assert link["data-places"].split() == ["highlights:7000"], "the clip of the save shows it"


def test_a_page_without_candidates_has_no_section_for_them():
    assert "Candidates" not in _page([SAVE], [SAVE_CLIP])


def test_a_candidate_of_several_recordings_names_the_one_to_look_at():
    chapters = [{"file": "one.mp4", "start_ms": 0}, {"file": "two.mp4", "start_ms": 300_000}]
    assert "recording two.mp4 00:10" in _page(candidates=[_candidate(310_000, "Goal")], recordings=chapters)


def test_hostile_evidence_is_text_too():
    evidence = {HOSTILE: 1.0, "instead": HOSTILE, "after": [HOSTILE], "surge": True}
    hostile = {**_candidate(98_000, HOSTILE, HOSTILE), "evidence": evidence}
    page = _page([{**SAVE, "evidence": evidence}], [SAVE_CLIP], candidates=[hostile])
    assert len(_tags(page, "script")) == 2
    assert "<script>alert" not in page


def test_all_evidence_that_moves_a_confidence_has_words():
    weights = {name for row in fusion_table()["labels"].values() for name in row} - {"alone_ms"}
    assert weights | {"opinion"} == set(WORDS)


def test_opposite_evidence_is_said_once_and_the_faint_not_at_all():
    view = evidence_view({"spotter": 0.5, "surge": 0.36, "no_surge": -0.1, "kick_off_after": 0.4, "no_kick_off": -0.9,
                          "whistle": 0.1})
    assert (view.speaks_for, view.speaks_against) == ("the crowd got louder", "no kick-off after it")
    assert evidence_view({"spotter": 0.5, "whistle": 0.1}) == EvidenceView("", "", "", "")
