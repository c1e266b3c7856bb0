from touchline.video.monitor import FrameMonitor

FRAME = "[Parsed_showinfo_2 @ 0x55] [info] n: {} pts: {} pts_time:{} pos: 1 fmt:yuv420p"


def test_keeps_the_first_and_the_last_frame_time():
    monitor = FrameMonitor()
    for number, pts in enumerate((-40_000, 0, 80_000, 40_000)):
        monitor(FRAME.format(number, pts, pts / 1e6))
    assert monitor.first_pts == -40_000
    assert monitor.last_pts == 80_000
    assert monitor.wait_for_first() == -40_000


def test_keeps_errors_with_the_time_at_which_they_came_and_no_warnings():
    monitor = FrameMonitor()
    monitor("[h264 @ 0x1] [error] no frame!")
    monitor(FRAME.format(0, 40_000, 0.04))
    monitor("[h264 @ 0x1] [warning] deprecated pixel format")
    monitor("[info] Stream mapping:")
    monitor("[h264 @ 0x1] [error] concealing 12 DC errors")
    assert [(seen, line.split("] ")[-1]) for seen, line in monitor.messages] == [
        (None, "no frame!"),
        (40_000, "concealing 12 DC errors"),
    ]


def test_a_flood_of_errors_does_not_grow():
    monitor = FrameMonitor()
    for _ in range(10_000):
        monitor("[h264 @ 0x1] [error] no frame!")
    assert len(monitor.messages) == 50


def test_no_frame_at_all_is_none():
    assert FrameMonitor().wait_for_first(0.01) is None
