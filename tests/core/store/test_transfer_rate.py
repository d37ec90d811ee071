"""How many connections a transfer takes: few where one is fast, all where each is limited, fewer when told to."""

import pytest

from wan_desktop.core.store.transfer_rate import ConnectionPace, RateMeter

MIB = 1 << 20


class Line:
    """A line with a limit for each connection and one for all, on a clock of its own."""

    def __init__(self, pace: ConnectionPace, *, each: float, all_together: float) -> None:
        self.pace, self.meter = pace, RateMeter()
        self._each, self._all = each, all_together
        self.now_s = 100.0

    @property
    def rate(self) -> float:
        return min(self._all, self._each * self.pace.allowed)

    def run(self, seconds: float, *, tick_s: float = 0.002) -> int:
        """Receive for so long; returns how many connections there are then."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s += tick_s
            self.meter.add(self.now_s, round(self.rate * tick_s))
            self.pace.adapt(self.now_s, self.meter)
        return self.pace.allowed


def test_that_a_server_that_limits_each_connection_gets_all_of_them_at_once() -> None:
    line = Line(ConnectionPace(8, 20), each=40e6, all_together=10e9)
    assert line.run(0.02) == 20
    assert line.run(60, tick_s=0.03) == 20


def test_that_a_slow_line_gets_all_of_them() -> None:
    assert Line(ConnectionPace(8, 20), each=10e6, all_together=2e6).run(0.02) == 20


def test_that_a_server_that_is_as_fast_as_this_pc_gets_few_of_them() -> None:
    line = Line(ConnectionPace(8, 20), each=700e6, all_together=1.4e9)
    assert line.run(0.02) == 2
    line.run(2.5, tick_s=0.03)
    assert line.run(20, tick_s=0.03) == 2, "more did not bring more"


def test_that_a_wrong_guess_is_corrected() -> None:
    line = Line(ConnectionPace(8, 20), each=120e6, all_together=10e9)
    assert line.run(0.02) == 2
    assert line.run(5, tick_s=0.03) == 20


def test_that_nothing_is_decided_before_bytes_come() -> None:
    pace, meter = ConnectionPace(8, 20), RateMeter()
    assert not pace.adapt(100.0, meter)
    assert (pace.allowed, pace.decided) == (8, False)


def test_that_a_busy_server_gets_half_of_them_and_later_more() -> None:
    line = Line(ConnectionPace(8, 20), each=40e6, all_together=10e9)
    line.run(1)
    line.pace.slow_down(line.now_s)
    assert line.run(29, tick_s=0.03) == 10
    assert line.run(5, tick_s=0.03) == 20


@pytest.mark.parametrize("most", [1, 2, 3])
def test_that_the_limit_is_kept(most: int) -> None:
    for each in (1e6, 700e6):
        assert Line(ConnectionPace(8, most), each=each, all_together=1.4e9).run(10) <= most


def test_that_a_rate_is_of_the_last_ten_seconds() -> None:
    meter = RateMeter()
    for tenth in range(200):
        meter.add(100 + tenth / 10, MIB if tenth >= 100 else 10 * MIB)
    assert meter.rate(120.0) == pytest.approx(10 * MIB, rel=0.02)
