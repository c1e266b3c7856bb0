from touchline.inference.torchvision_nms import greedy_nms, torch


def boxes(*rows):
    return torch.tensor(rows, dtype=torch.float32)


def test_torchvision_and_its_nms_can_be_used():
    from torchvision.ops import nms

    kept = nms(boxes([0, 0, 10, 10], [1, 1, 10, 10], [20, 20, 30, 30]), torch.tensor([0.5, 0.9, 0.3]), 0.5)
    assert kept.tolist() == [1, 2]


def test_nms_keeps_boxes_that_overlap_exactly_as_much_as_allowed():
    #  0----5----10     half of each is shared: 5 x 10 of 150 in all, an overlap of 1/3
    #       5----10---15
    pair = boxes([0, 0, 10, 10], [5, 0, 15, 10])
    assert greedy_nms(pair, torch.tensor([0.9, 0.8]), 0.34).tolist() == [0, 1]
    assert greedy_nms(pair, torch.tensor([0.9, 0.8]), 0.33).tolist() == [0]


def test_a_dropped_box_drops_nothing_itself():
    #  A overlaps B, B overlaps C, A does not overlap C: B goes, C stays
    chain = boxes([0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10])
    assert greedy_nms(chain, torch.tensor([0.9, 0.8, 0.7]), 0.3).tolist() == [0, 2]


def test_of_equal_scores_the_first_stays():
    assert greedy_nms(boxes([0, 0, 10, 10], [0, 0, 10, 10]), torch.tensor([0.5, 0.5]), 0.5).tolist() == [0]


def test_nothing_in_nothing_out():
    assert greedy_nms(torch.zeros(0, 4), torch.zeros(0), 0.5).tolist() == []
