"""Events: recorded at once, delivered in the background to Kubernetes and to the notification controller."""

from shared.events.event import Event, Severity, Subject
from shared.events.kubernetes import KubernetesSink
from shared.events.notification import NotificationSink
from shared.events.recorder import Recorder, Sink

__all__ = ["Event", "KubernetesSink", "NotificationSink", "Recorder", "Severity", "Sink", "Subject"]
