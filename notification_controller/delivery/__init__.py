"""Delivery: from a Provider and its Secrets to a notifier, one module or package per family of services."""

from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.git.repositories import mistakes
from notification_controller.delivery.ignored import ignored_fields
from notification_controller.delivery.notifiers import Notifiers
from notification_controller.delivery.sessions import Sessions

__all__ = ["Notifiers", "Sessions", "Unusable", "ignored_fields", "mistakes"]
