from __future__ import annotations

import pytest

from touchline.errors import BadRecordingError
from touchline.video.packets import sound_packets, video_packets


@pytest.mark.parametrize("name", ["plain.mp4", "plain.mkv", "plain.ts"])
def test_every_frame_is_one_packet_with_its_time(make_recording, probed, name):
    packets = video_packets(probed(make_recording(name, sound="sine=440")))
    assert sorted(packets.times_ms) == list(range(0, 6000, 40))
    assert packets.keys[0]
    assert 3 <= packets.keys.sum() < 40
    assert (packets.sizes_bytes > 0).all()


def test_packets_that_an_edit_list_hides_are_left_out(make_recording, probed):
    packets = video_packets(probed(make_recording.edit_list(1.3)))
    assert packets.times_ms.min() == 0
    assert len(packets) == pytest.approx(117, abs=1)


def test_a_file_of_endless_pictures_is_refused_before_it_fills_the_memory(make_recording, probed, monkeypatch):
    monkeypatch.setattr("touchline.video.packets.MAX_PACKETS", 100)
    with pytest.raises(BadRecordingError, match="holds more than 100 pictures"):
        video_packets(probed(make_recording("plain.mp4")))


@pytest.mark.parametrize("name", ["plain.mp4", "plain.mkv"])
def test_says_where_sound_lies(make_recording, probed, name):
    recording = probed(make_recording(name, sound="sine=440"))
    found = list(sound_packets(recording, 5000))
    assert 40 <= len(found) < 200
    assert all(0 < packet.start < packet.end <= recording.size_bytes for packet in found)
