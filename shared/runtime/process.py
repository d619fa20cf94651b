"""The frame of a controller process: settings, logs, connection, then the parts until a signal."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp
import structlog

from shared.events import KubernetesSink, NotificationSink, Recorder, Sink
from shared.kube import Connection, ConnectionConfigError, KubeClient
from shared.kube.throttle import Throttle
from shared.observe import logging, metrics
from shared.observe.clock import Clock, SystemClock
from shared.observe.http import (
    Readiness,
    Server,
    health_application,
    metrics_application,
    parse_address,
)
from shared.proxies import session_through_environment
from shared.runtime.lease import Lease, LeaseTerms, lease_name
from shared.runtime.loop import Loop
from shared.runtime.manager import Leadership, Manager, Parts
from shared.runtime.resource_info import follow
from shared.runtime.settings import Settings, UsageError, parse_or_exit

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Frame:
    """What every application is built on."""

    name: str
    client: KubeClient
    recorder: Recorder
    clock: Clock
    #: HTTP to everything but the API server.
    outside: aiohttp.ClientSession
    leadership: Leadership | None
    servers: tuple[Server, ...]
    #: What has to hold before the process is called.
    readiness: Readiness


Build = Callable[[S, Frame], AbstractAsyncContextManager[Parts]]


def run(name: str, settings_model: type[S], build: Build[S]) -> None:
    """The main function of a controller: never returns."""
    settings = parse_or_exit(settings_model, name, sys.argv[1:], os.environ)
    try:
        logging.configure(settings.log_level, settings.log_encoding)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from error
    try:
        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(_main(name, settings, build))
    except (UsageError, ValueError, ConnectionConfigError, OSError) as error:
        structlog.get_logger("setup").error("unable to start", error=str(error))
        raise SystemExit(1) from error
    except BaseExceptionGroup as group:
        for leaf in _leaves(group):
            structlog.get_logger("setup").error("stopped by an error", error=f"{type(leaf).__name__}: {leaf}")
        raise SystemExit(1) from group
    raise SystemExit(0)


async def _main(name: str, settings: S, build: Build[S]) -> None:
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        connection = await Connection.load(
            Path(settings.kubeconfig) if settings.kubeconfig else None,
            throttle=Throttle(settings.kube_api_qps, settings.kube_api_burst),
        )
        stack.push_async_callback(connection.close)
        outside = await stack.enter_async_context(session_through_environment())
        client = KubeClient(connection, user_agent=name)
        host = socket.gethostname()
        sinks: list[Sink] = [KubernetesSink(client, name, host, clock)]
        if settings.notified:
            sinks.append(NotificationSink(settings.notified, name, host, outside))
        recorder = Recorder(sinks)
        readiness = Readiness()
        frame = Frame(
            name,
            client,
            recorder,
            clock,
            outside,
            _leadership(name, settings, client, recorder, clock, host),
            (
                Server(health_application(readiness), *parse_address(settings.health_addr, "--health-addr")),
                Server(metrics_application(), *parse_address(settings.metrics_addr, "--metrics-addr")),
            ),
            readiness,
        )
        parts = await stack.enter_async_context(build(settings, frame))
        if settings.export_resource_metrics:
            for controller in parts.controllers:
                follow(controller.model, controller.informer, metrics.resources)
        await Manager(parts).run()


def _leadership(
    name: str, settings: Settings, client: KubeClient, recorder: Recorder, clock: Clock, host: str
) -> Leadership | None:
    if not settings.enable_leader_election:
        return None
    if not settings.runtime_namespace:
        raise ValueError("--enable-leader-election needs the environment variable RUNTIME_NAMESPACE")
    terms = LeaseTerms(
        lease_name(name, settings.watch_label_selector),
        settings.runtime_namespace,
        settings.leader_election_lease_duration,
        settings.leader_election_renew_deadline,
        settings.leader_election_retry_period,
        settings.leader_election_release_on_cancel,
    )
    return Lease(client, terms, recorder, clock, name, host)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
