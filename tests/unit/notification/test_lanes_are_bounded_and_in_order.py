"""The queue of one Provider, whatever comes in whatever order."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from notification_controller.dispatch.lane import Lane

CAPACITY = 4


class Delivery:
    def __init__(self, number, order, failed):
        self.number, self.order, self.event = number, order, SimpleNamespace(failed=failed)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("abc"), st.booleans()),
        st.tuples(st.just("take"), st.none(), st.none()),
        st.tuples(st.just("done"), st.integers(0, 3), st.none()),
    ),
    max_size=80,
)


@given(steps)
def test_invariants_hold(steps):
    lane = Lane(CAPACITY)
    waiting, under_way, seen = [], [], {}
    for number, (step, order, failed) in enumerate(steps):
        if step == "put":
            delivery = Delivery(number, order, failed)
            waiting.append(delivery)
            gone = lane.put(delivery)
            if len(waiting) > CAPACITY:
                others = [each for each in waiting if not each.event.failed]
                assert gone is (others or waiting)[0]
                waiting.remove(gone)
            else:
                assert gone is None
        elif step == "take":
            free = [each for each in waiting if each.order not in {other.order for other in under_way}]
            assert lane.ready is bool(free)
            delivery = lane.take()
            assert (delivery is not None) is bool(free)
            if delivery is not None:
                # The first that waits of its object.
                assert delivery is next(each for each in waiting if each.order == delivery.order)
                assert seen.get(delivery.order, -1) < delivery.number
                seen[delivery.order] = delivery.number
                waiting.remove(delivery)
                under_way.append(delivery)
        elif under_way:
            lane.done(under_way.pop(order % len(under_way)))
        assert len(lane) == len(waiting) <= CAPACITY
        assert lane.idle is not bool(waiting or under_way)
    assert sorted(each.number for each in lane.drain()) == sorted(each.number for each in waiting)
    assert len(lane) == 0
    assert lane.take() is None
