import threading

import pytest

from touchline.inference.read_ahead import ReadAhead


def test_everything_arrives_in_order():
    with ReadAhead(range(100), ahead=3) as ahead:
        assert list(ahead) == list(range(100))
    assert ahead.items == 100


def test_an_error_of_the_source_reaches_the_reader():
    def source():
        yield 1
        raise ValueError("broken")

    with ReadAhead(source()) as ahead, pytest.raises(ValueError, match="broken"):
        list(ahead)


def test_it_reads_only_a_few_items_ahead():
    read = []

    def source():
        for item in range(100):
            read.append(item)
            yield item

    with ReadAhead(source(), ahead=3) as ahead:
        for item in ahead:
            assert len(read) <= item + 6
            if item == 20:
                break
    assert len(read) < 30


def test_leaving_early_closes_the_source_and_ends_the_thread():
    closed = threading.Event()

    def source():
        try:
            while True:
                yield 1
        finally:
            closed.set()

    with ReadAhead(source()) as ahead:
        next(iter(ahead))
    assert closed.is_set()
    assert not any(thread.name == "prefetch" for thread in threading.enumerate())
