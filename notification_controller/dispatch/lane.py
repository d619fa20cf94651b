"""What waits for one Provider: bounded, in order for each object, the least important goes first.

A lane does no work itself. Invariants: of one object at most one delivery is under way; `take` gives what has
waited longest and may go now; beyond its capacity the oldest delivery that tells of no error is dropped, and
only among errors the oldest of all.
"""

from __future__ import annotations

from collections import OrderedDict, deque

from notification_controller.dispatch.delivery import Delivery

_Order = tuple[str, str, str]


class Lane:
    """A queue of deliveries."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        # All that waits, oldest first, once by importance and once by object.
        self._errors: OrderedDict[Delivery, None] = OrderedDict()
        self._others: OrderedDict[Delivery, None] = OrderedDict()
        self._objects: dict[_Order, deque[Delivery]] = {}
        # Objects of which something may go now, in turn.
        self._ready: OrderedDict[_Order, None] = OrderedDict()
        self._under_way: set[_Order] = set()

    def __len__(self) -> int:
        """Deliveries that wait; those under way don't count."""
        return len(self._errors) + len(self._others)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return not len(self) and not self._under_way

    @property
    def ready(self) -> bool:
        """Whether something may go now."""
        return bool(self._ready)

    def put(self, delivery: Delivery) -> Delivery | None:
        """Adds a delivery; gives the one that had to go for it, which may be itself."""
        waiting = self._objects.get(delivery.order)
        if waiting is None:
            waiting = self._objects[delivery.order] = deque()
            if delivery.order not in self._under_way:
                self._ready[delivery.order] = None
        waiting.append(delivery)
        (self._errors if delivery.event.failed else self._others)[delivery] = None
        if len(self) <= self._capacity:
            return None
        oldest = next(iter(self._others or self._errors))
        self._forget(oldest)
        self._objects[oldest.order].remove(oldest)
        self._tidy(oldest.order)
        return oldest

    def take(self) -> Delivery | None:
        """The next delivery that may go; it is under way until `done`."""
        if not self._ready:
            return None
        order, _ = self._ready.popitem(last=False)
        delivery = self._objects[order].popleft()
        self._forget(delivery)
        self._tidy(order)
        self._under_way.add(order)
        return delivery

    def done(self, delivery: Delivery) -> None:
        """The delivery is over: the next one of its object may go."""
        self._under_way.discard(delivery.order)
        if delivery.order in self._objects:
            self._ready[delivery.order] = None

    def drain(self) -> list[Delivery]:
        """Empties the lane; gives what waited."""
        rest = [*self._errors, *self._others]
        for memory in (self._errors, self._others, self._objects, self._ready):
            memory.clear()
        return rest

    def _forget(self, delivery: Delivery) -> None:
        self._errors.pop(delivery, None)
        self._others.pop(delivery, None)

    def _tidy(self, order: _Order) -> None:
        if not self._objects[order]:
            del self._objects[order]
            self._ready.pop(order, None)
