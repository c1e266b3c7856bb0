from touchline.video.monitor import FrameMonitor

FRAME = "frame:{:<4} pts:{:<7} pts_time:{}"


def test_keeps_the_first_and_the_last_frame_time():
    monitor = FrameMonitor()
    for number, pts in enumerate((-40_000, 0, 80_000, 40_000)):
        monitor.on_frame(FRAME.format(number, pts, pts / 1e6))
    assert monitor.first_pts == -40_000
    assert monitor.last_pts == 80_000
    assert monitor.wait_for_first() == -40_000


def test_keeps_errors_with_the_time_at_which_they_came_and_no_warnings():
    monitor = FrameMonitor()
    monitor.on_line("[h264 @ 0x1] [error] no frame!")
    monitor.on_frame(FRAME.format(0, 40_000, 0.04))
    monitor.on_line("[h264 @ 0x1] [warning] deprecated pixel format")
    monitor.on_line("[info] Stream mapping:")
    monitor.on_line("[h264 @ 0x1] [error] concealing 12 DC errors")
    assert [(seen, said) for seen, said in monitor.messages] == [
        (None, "no frame!"),
        (40_000, "concealing 12 DC errors"),
    ]


def test_a_flood_of_errors_does_not_grow():
    monitor = FrameMonitor()
    for _ in range(10_000):
        monitor.on_line("[h264 @ 0x1] [error] no frame!")
    assert len(monitor.messages) == 50


def test_no_frame_at_all_is_none():
    assert FrameMonitor().wait_for_first(0.01) is None
