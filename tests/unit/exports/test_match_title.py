"""What is a match called?"""

import pytest

from touchline.exports.match_files import match_title


@pytest.mark.parametrize(("names", "title"), [
    (["Cup final.mp4"], "Cup final"),
    (["reds 1st half.mp4", "reds 2nd half.mp4"], "reds"),
    (["2026-05-01 Reds - Blues, part 1.mp4", "2026-05-01 Reds - Blues, part 2.mp4"], "2026-05-01 Reds - Blues, part"),
    (["GX010123.MP4", "GX020123.MP4"], "Derby"),
    (["DJI_0001.MP4", "DJI_0002.MP4"], "Derby"),
    (["1. Halbzeit.mov", "2. Halbzeit.mov"], "Derby"),
    (["first half.mp4", "second half.mp4"], "Derby"),
    (["a.mp4", "ab.mp4"], "Derby"),
])
def test_without_notes_it_is_called_like_its_recordings_or_their_folder(names, title):
    assert match_title({}, [{"path": f"/nas/Derby/{name}"} for name in names]) == title


def test_the_notes_come_first():
    recordings = [{"path": "/nas/Derby/a.mp4"}]
    assert match_title({"home": "Reds", "away": "Blues"}, recordings) == "Reds – Blues"
    assert match_title({"title": "Cup", "home": "Reds"}, recordings) == "Cup"
