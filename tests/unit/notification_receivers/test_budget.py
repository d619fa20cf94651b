"""Failures of callers are counted for each Receiver, and forgotten with time."""

from dataclasses import dataclass

from notification_controller.receivers.budget import Budget
from shared.kube.resources import ObjectKey

A, B = ObjectKey("n", "a"), ObjectKey("n", "b")


@dataclass
class Clock:
    time: float = 1000.0

    def monotonic(self):
        return self.time


def test_a_burst_and_then_one_every_two_seconds():
    clock = Clock()
    budget = Budget(clock)
    for _ in range(20):
        assert not budget.spent(A)
        budget.charge(A)
    assert budget.spent(A)
    assert not budget.spent(B)
    assert budget.wait(A) == 2
    for _ in range(1000):
        budget.charge(A)
    assert budget.wait(A) == 2
    clock.time += 2
    assert not budget.spent(A)
    budget.charge(A)
    assert budget.spent(A)
    clock.time += 1000
    for _ in range(20):
        assert not budget.spent(A)
        budget.charge(A)
    assert budget.spent(A)


def test_those_with_a_whole_budget_are_forgotten():
    clock = Clock()
    budget = Budget(clock)
    for number in range(1024):
        budget.charge(ObjectKey("n", str(number)))
    clock.time += 2
    budget.charge(A)
    assert len(budget._accounts) == 1
