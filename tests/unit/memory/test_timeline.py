from __future__ import annotations

from ladderscope.memory.timeline import Event, find_peak, kept_for_backward


def test_the_peak_is_the_highest_sum_of_what_is_alive() -> None:
    events = [Event(1, 50, "activations"), Event(2, 30, "activations"), Event(1, -50, ""), Event(3, 40, "activations")]
    assert find_peak({"weights": 100}, events).num_bytes == 180


def test_the_breakdown_is_taken_at_the_peak_and_sums_to_it() -> None:
    events = [Event(1, 50, "activations"), Event(2, 30, "gradients"), Event(1, -50, ""), Event(1, 10, "gradients")]
    peak = find_peak({"weights": 100, "other": 1}, events)
    assert peak.breakdown_bytes["activations"] == 50
    assert peak.breakdown_bytes["gradients"] == 30
    assert sum(peak.breakdown_bytes.values()) == peak.num_bytes == 181


def test_an_address_used_again_has_its_new_category() -> None:
    events = [Event(1, 50, "activations"), Event(1, -50, ""), Event(1, 60, "gradients"), Event(1, -60, "")]
    assert find_peak({}, events).breakdown_bytes["gradients"] == 60


def test_without_events_the_peak_is_what_stays() -> None:
    assert find_peak({"weights": 7}, []).num_bytes == 7


def test_what_forward_leaves_is_what_it_allocated_and_did_not_free() -> None:
    events = [
        Event(1, 50, "activations"),
        Event(2, 30, "activations"),
        Event(1, -50, ""),
        Event(3, 8, "logits_and_loss"),
    ]
    assert kept_for_backward(events) == 38


def test_neither_gradients_nor_what_was_there_before_are_left_by_forward() -> None:
    events = [Event(9, -1000, "activations"), Event(1, 50, "gradients"), Event(2, 30, "other")]
    assert kept_for_backward(events) == 0


def test_an_address_that_forward_uses_twice_counts_as_what_it_holds_last() -> None:
    events = [Event(1, 50, "activations"), Event(1, -50, ""), Event(1, 60, "activations")]
    assert kept_for_backward(events) == 60
    assert kept_for_backward([*events, Event(1, -60, ""), Event(1, 70, "gradients")]) == 0
