import os

import pytest

from touchline.errors import BadRecordingError
from touchline.sidecars.read import clock_ms, read_sidecar, sidecar_digest

HOUR = [3_600_000]


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "cup final.mp4"
    path.write_bytes(b"x")
    return path


def test_without_sidecar_files_everything_is_empty(recording):
    sidecar = read_sidecar(recording, HOUR)
    assert sidecar["marks"] == [] and sidecar["kick_offs_ms"] == [] and sidecar["title"] is None


def test_a_full_match_toml_and_marks_are_read(recording):
    recording.with_name("match.toml").write_text(
        'title = "A - B"\ndate = 2026-01-31\nour_keeper = "#F2C200"\n'
        'kick_offs = ["00:30:10", "0:02"]\n[kits]\nhome = "#c8102e"\n'
    )
    recording.with_name("marks.csv").write_text("time,label\n00:12:31.5, save\n\n2:00,Goal\n")
    sidecar = read_sidecar(recording, HOUR)
    assert sidecar["title"] == "A - B" and sidecar["date"] == "2026-01-31" and sidecar["our_keeper"] == "#f2c200"
    assert sidecar["kick_offs_ms"] == [2000, 1_810_000]
    assert sidecar["kits"]["home"] == "#c8102e" and sidecar["kits"]["away"] is None
    assert sidecar["marks"] == [{"match_ms": 120_000, "label": "Goal"}, {"match_ms": 751_500, "label": "Save"}]


def test_the_file_named_after_the_recording_goes_first(recording):
    recording.with_name("match.toml").write_text('title = "all"\n')
    recording.with_name("cup final.match.toml").write_text('title = "this one"\n')
    assert read_sidecar(recording, HOUR)["title"] == "this one"


def test_a_changed_mark_changes_the_digest(recording):
    before = sidecar_digest(recording)
    recording.with_name("marks.csv").write_text("1:00,Goal\n")
    assert sidecar_digest(recording) != before


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("match.toml", "title = [", "not valid TOML"),
        ("match.toml", "title = 3", "title is not text"),
        ("match.toml", 'title = "Reds\\u0000Blues"', "title .* holds the control character U\\+0000"),
        ("match.toml", 'away = "Blues\\n<script>"', "away .* holds the control character U\\+000A"),
        ("match.toml", 'home = "\\u2028"', "home .* holds the control character U\\+2028"),
        ("match.toml", f'title = "{"x" * 201}"', "holds 201 characters in title: 200 at most"),
        ("match.toml", 'kick_offs = [' + '"0:01",' * 74_000 + "]", "holds 74,000 kick-offs: 20 at most"),
        ("match.toml", "title = 3\n" + "a." * 100_000 + "a = 1", "line 2 has 100,000 dots: 500 at most"),
        ("match.toml", '"\u2028".' * 30_000 + "a = 1", "line 1 has 30,000 dots: 500 at most"),
        ("match.toml", f"[{'a.' * 100_000}a]", "line 1 has 100,000 dots: 500 at most"),
        ("match.toml", "date = 12026-01-31", "not valid TOML"),
        ("marks.csv", "time,label\n" + "0:10,Foul\n" * 2001, "holds 2,001 marks: 2,000 at most"),
        ("match.toml", 'kick_offs = ["99:99:99"]', "not a time within the match"),
        ("match.toml", 'kick_offs = "0:02"', "not a list"),
        ("match.toml", 'our_keeper = "yellow"', "not a colour"),
        ("match.toml", 'kits = "red"', "not a table"),
        ("match.toml", 'date = "31.1.2026"', "not a date"),
        ("marks.csv", "0:10,Gaol", "line 1: unknown label 'Gaol'"),
        ("marks.csv", "time,label\nsoon,Goal", "line 2: 'soon' is not a time"),
        ("marks.csv", "2:00:00,Goal", "after the end"),
        ("marks.csv", "0:10", "unknown label"),
    ],
)
def test_a_mistake_is_told_with_file_and_place(recording, name, text, says):
    recording.with_name(name).write_text(text)
    with pytest.raises(BadRecordingError, match="(?s)" + name.replace(".", r"\.") + ".*" + says):
        read_sidecar(recording, HOUR)


def test_controls_of_writing_direction_are_left_out_of_a_title(recording):
    recording.with_name("match.toml").write_text('title = "\u05d0\u200f – \u202eB"\nhome = "\u2066Reds\u2069"\n')
    sidecar = read_sidecar(recording, HOUR)
    assert (sidecar["title"], sidecar["home"]) == ("\u05d0 – B", "Reds")


def test_as_much_as_is_allowed_is_read(recording):
    recording.with_name("match.toml").write_text(
        'title = "' + "x" * 200 + '"\nkick_offs = [' + '"0:01", ' * 20 + "]\n"
    )
    recording.with_name("marks.csv").write_text("time,label\n" + "0:10,Foul\n" * 2000)
    sidecar = read_sidecar(recording, HOUR)
    assert (len(sidecar["title"]), len(sidecar["kick_offs_ms"]), len(sidecar["marks"])) == (200, 20, 2000)


@pytest.mark.parametrize("name", ["match.toml", "marks.csv", "cup final.marks.csv"])
@pytest.mark.parametrize("target", ["/etc/passwd", "../elsewhere", "nowhere/nothing", "match.toml"])
def test_a_link_is_followed_only_within_its_folder(recording, name, target):
    link = recording.with_name(name)
    link.symlink_to(target)
    if target == "match.toml":  # to itself, or to a file that is not there
        assert read_sidecar(recording, HOUR)["marks"] == []
        return
    for read in (lambda: read_sidecar(recording, HOUR), lambda: sidecar_digest(recording)):
        with pytest.raises(BadRecordingError, match=name.replace(".", r"\.") + ".*leads out of its folder") as caught:
            read()
        assert "root:" not in str(caught.value)


def test_a_link_to_a_neighbour_is_read(recording):
    recording.with_name("season.toml").write_text('title = "A - B"\n')
    recording.with_name("match.toml").symlink_to("season.toml")
    assert read_sidecar(recording, HOUR)["title"] == "A - B"


@pytest.mark.parametrize("name", ["match.toml", "marks.csv"])
def test_what_is_no_plain_file_is_left_alone(recording, name):
    os.mkfifo(recording.with_name(name))
    recording.with_name(f"{recording.stem}.{name}").mkdir()
    assert read_sidecar(recording, HOUR)["title"] is None


@pytest.mark.parametrize("name", ["match.toml", "marks.csv"])
@pytest.mark.parametrize(
    "content",
    [
        b"x" * (2 << 20),
        bytes(range(256)) * 9,
        b"\x00" * 5000,
        b"a" * 200_000,
        b"title = " + b"[" * 100_000,
        b"title = " + b"9" * 100_000,
        b'"' + b"," * 500_000,
        b"\xef\xbb\xbf#EXTM3U\nfile:///etc/passwd\n",
    ],
)
def test_garbage_is_told_in_one_short_line(recording, name, content):
    recording.with_name(name).write_bytes(content)
    with pytest.raises(BadRecordingError, match=name.replace(".", r"\.")) as caught:
        read_sidecar(recording, HOUR)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1:02:03.5", 3_723_500),
        ("62:03", 3_723_000),
        ("0:00.25", 250),
        ("12", None),
        ("1:2", None),
        ("-1:00", None),
        ("", None),
    ],
)
def test_clock_times(text, expected):
    assert clock_ms(text) == expected
