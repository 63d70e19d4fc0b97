"""How lost and late events are counted."""

from tests.bench.sockets import Received


def test_an_event_is_received_with_a_newer_one_of_its_job() -> None:
    received = Received({("a", 1): 0.0, ("a", 2): 1.0, ("b", 1): 0.0}, {("a", 2): 1.5, ("b", 1): 0.25})
    assert received.latencies_ms() == [250.0, 500.0, 1500.0]
    assert received.lost == 0


def test_an_event_without_a_newer_one_is_lost() -> None:
    received = Received({("a", 1): 0.0, ("a", 2): 1.0}, {("a", 1): 0.5})
    assert received.lost == 1
