"""A picture has the same place in its batch whatever stands beside it."""

from touchline.inference.places import placed


def test_a_number_has_one_place_wherever_the_numbers_begin_and_end():
    whole = {number: place for batch in placed(range(3, 30), int, 8) for place, number in enumerate(batch)
             if number is not None}
    assert whole == {number: number % 8 for number in range(3, 30)}
    for batch in placed([5, 6, 11, 27], int, 8):
        assert len(batch) == 8
        assert all(number is None or whole[number] == place for place, number in enumerate(batch))


def test_no_items_are_no_batches():
    assert list(placed([], int, 8)) == []
