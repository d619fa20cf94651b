"""Builds notification-controller; the only place that knows all of its parts.

Events and webhooks have nothing in common but the process: each side is built on its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from notification_controller.alerts.book import AlertBook
from notification_controller.alerts.matching import Matcher
from notification_controller.alerts.tender import AlertTender
from notification_controller.alerts.warnings import AlertWarnings
from notification_controller.delivery import Notifiers, Sessions
from notification_controller.delivery.git.contexts import Contexts
from notification_controller.dispatch.contexts import StatusContexts
from notification_controller.dispatch.deliveries import Deliveries
from notification_controller.dispatch.dispatcher import Dispatcher
from notification_controller.dispatch.posting import Poster
from notification_controller.events.duplicates import Duplicates
from notification_controller.events.intake import EventIntake
from notification_controller.providers.book import ProviderBook
from notification_controller.providers.tender import ProviderTender
from notification_controller.receivers.answering import Webhooks
from notification_controller.receivers.budget import Budget
from notification_controller.receivers.callers import Callers
from notification_controller.receivers.directory import Directory
from notification_controller.receivers.header import ReceiverHeader
from notification_controller.receivers.identity import Identities
from notification_controller.receivers.issuers import Issuers
from notification_controller.receivers.known_secrets import KnownSecrets
from notification_controller.receivers.reconciler import ReceiverReconciler
from notification_controller.receivers.resources import Requests
from notification_controller.receivers.server import webhook_server
from notification_controller.serving import IntakeServer
from notification_controller.settings import NotificationSettings
from shared.api.notification_v1 import Receiver
from shared.api.notification_v1beta3 import GROUP, Alert, Provider
from shared.auth import Secrets
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.observe import metrics
from shared.observe.http import parse_address
from shared.runtime.assembly import clouds_of
from shared.runtime.config_triggers import ConfigTrigger, config_informers
from shared.runtime.controller import Controller, Policy
from shared.runtime.finalizers import Finalizers
from shared.runtime.header import Header
from shared.runtime.manager import Parts, Works
from shared.runtime.process import Frame
from shared.runtime.tending import StaticController

NAME = "notification-controller"


@asynccontextmanager
async def build(settings: NotificationSettings, frame: Frame) -> AsyncIterator[Parts]:
    """All parts of the controller, for as long as the block lasts."""
    receiving = _receiving(settings, frame)
    providers = _informer(settings, frame, Provider.KIND)
    provider_book = ProviderBook(providers)
    clouds = clouds_of(frame, settings, settings.default_service_account)
    async with Sessions() as sessions:
        notifiers = Notifiers(Secrets(frame.client), clouds, sessions, frame.clock)
        alerts = _informer(settings, frame, Alert.KIND)
        contexts = StatusContexts(Contexts(), alerts.store, providers.store)
        warnings = AlertWarnings(frame.recorder, frame.clock)

        def poster() -> Poster:
            return Poster(notifiers, contexts.of, warnings, frame.clock)

        async with Deliveries(provider_book, poster) as deliveries:
            alerting = _alerting(settings, frame, alerts, providers, provider_book, deliveries, warnings)
            yield Parts(
                recorder=frame.recorder,
                # Read by the servers, so every replica has them.
                shared_informers=(*alerting.informers, *receiving.informers),
                informers=(),
                controllers=(*alerting.controllers, *receiving.controllers),
                servers=frame.servers,
                # What takes events and webhooks: on every replica.
                entrances=(alerting.entrance, receiving.entrance),
                drain=(deliveries.drain,),
                leadership=frame.leadership,
                grace_seconds=3.0,
            )


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two things that the process does."""

    informers: tuple[Informer[Any], ...]
    controllers: tuple[Works, ...]
    entrance: IntakeServer


def _alerting(
    settings: NotificationSettings,
    frame: Frame,
    alerts: Informer[Header],
    providers: Informer[Header],
    provider_book: ProviderBook,
    deliveries: Deliveries,
    warnings: AlertWarnings,
) -> _Side:
    """Takes events and hands them over to the deliveries; tends Alerts and Providers."""
    client, clock, recorder = frame.client, frame.clock, frame.recorder
    cross_namespace = not settings.no_cross_namespace_refs
    object_identities = settings.object_level
    policy = Policy.of(settings, NAME)
    book = AlertBook(alerts)
    finalizers = Finalizers(client, alerts, NAME)
    alert_tender = AlertTender(
        client, finalizers, provider_book, recorder, clock, cross_namespace=cross_namespace
    )
    alert_controller = StaticController(alert_tender, alerts, clock, policy)

    def provider_changed(key: ObjectKey) -> None:
        for user in book.users(key):
            alert_controller.trigger(user)

    provider_tender = ProviderTender(
        client,
        Finalizers(client, providers, NAME),
        recorder,
        clock,
        provider_changed,
        object_identities=object_identities,
    )
    provider_controller = StaticController(provider_tender, providers, clock, policy)

    def ready() -> bool:
        return alerts.synced.is_set() and providers.synced.is_set()

    frame.readiness.needs(ready)
    dispatcher = Dispatcher(
        provider_book,
        deliveries,
        warnings,
        cross_namespace=cross_namespace,
        object_identities=object_identities,
    )
    intake = EventIntake(
        ready,
        Duplicates(settings.rate_limit_interval, clock),
        Matcher(book, client, warnings),
        dispatcher,
    )
    server = IntakeServer(
        "event-server",
        intake.take,
        parse_address(settings.events_addr, "--events-addr"),
        metrics.events_serving,
        clock,
        handler="/",
        tell_paths=settings.export_http_path_metrics,
    )
    return _Side((alerts, providers), (alert_controller, provider_controller), server)


def _receiving(settings: NotificationSettings, frame: Frame) -> _Side:
    """Takes webhooks and asks for reconciliations; reconciles Receivers."""
    client, clock = frame.client, frame.clock
    receivers = Informer(
        client, GROUP, Receiver.KIND, ReceiverHeader.of, namespace=settings.watched_namespace
    )
    secrets = config_informers(client, settings, ("Secret",))
    # Intervals of Receivers are kept to the second.
    policy = replace(Policy.of(settings, NAME), jitter_percentage=0)
    controller = Controller(ReceiverReconciler(client), receivers, client, frame.recorder, clock, policy)
    ConfigTrigger(controller, secrets)
    webhooks = Webhooks(
        Directory(receivers),
        Callers(
            KnownSecrets(client, next(iter(secrets), None), clock),
            Identities(Issuers(frame.outside, clock), clock),
        ),
        Requests(client, clock, manager=NAME, cross_namespace=not settings.no_cross_namespace_refs),
        Budget(clock),
    )
    address = parse_address(settings.receiver_addr, "--receiverAddr")
    server = webhook_server(webhooks, address, clock, tell_paths=settings.export_http_path_metrics)
    frame.readiness.needs(receivers.synced.is_set)
    return _Side((receivers, *secrets), (controller,), server)


def _informer(settings: NotificationSettings, frame: Frame, kind: str) -> Informer[Header]:
    return Informer(frame.client, GROUP, kind, Header.of, namespace=settings.watched_namespace)
