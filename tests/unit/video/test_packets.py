from __future__ import annotations

import itertools

import pytest

from touchline.video.packets import video_packets


@pytest.mark.parametrize("name", ["plain.mp4", "plain.mkv", "plain.ts"])
def test_every_frame_is_one_packet_with_its_time(make_recording, probed, name):
    packets = list(video_packets(probed(make_recording(name, sound="sine=440"))))
    assert sorted(packet.recording_ms for packet in packets) == list(range(0, 6000, 40))
    assert packets[0].is_key
    assert 3 <= sum(packet.is_key for packet in packets) < 40
    assert all(packet.size_bytes > 0 for packet in packets)


def test_packets_that_an_edit_list_hides_are_left_out(make_recording, probed):
    packets = list(video_packets(probed(make_recording.edit_list(1.3))))
    assert min(packet.recording_ms for packet in packets) == 0
    assert len(packets) == pytest.approx(117, abs=1)


def test_reading_can_stop_early(make_recording, probed):
    packets = video_packets(probed(make_recording("plain.mp4")))
    assert len(list(itertools.islice(packets, 5))) == 5
    packets.close()
