"""`dfcli run`: a host, its HTTP server and the watch over the app's files, from start to an orderly end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import msgspec

from dfcli.authoring.interrupts import handled_elsewhere
from dfcli.cli import banner, running_file, terminal, tracing
from dfcli.cli.connection import key_of, remote
from dfcli.cli.errors import say_error
from dfcli.cli.log_handlers import from_worker, log_to
from dfcli.cli.pinned import Pinned
from dfcli.cli.transition_log import TransitionLog, claim_stdout
from dfcli.compat import leniency
from dfcli.env.environment import Env
from dfcli.errors import DfError, HubLocked, NotFound
from dfcli.host.host import Host
from dfcli.host.log_file import LogFile
from dfcli.host.transitions import Transition
from dfcli.host.workers import Performer, Workers
from dfcli.http.app import build_app
from dfcli.http.cors import Cors
from dfcli.http.keys import KeyGate, KeyRing
from dfcli.http.server import HttpServer, loop_factory
from dfcli.model.history import AZURE_RULES
from dfcli.project.code_id import code_id_of
from dfcli.project.folder import ENTRY_FILE, source_files
from dfcli.project.load import LoadedApp, load_app
from dfcli.project.settings import Settings
from dfcli.project.sources import FILES
from dfcli.storage.keys import KeyFile

log = logging.getLogger("dfcli.host")

IDLE_LOOK_SECONDS = 0.05
AZURES_ENVIRONMENT = {"AZURE_FUNCTIONS_ENVIRONMENT": "Development", "FUNCTIONS_WORKER_RUNTIME": "python"}
"""What code finds in its environment under Azure's own local tools."""
_INTERRUPTED = 130


class RunOptions(NamedTuple):
    """What a run does beside serving; all else is in the settings."""

    watch: bool = True
    exit_when_idle: bool = False
    began: float = 0.0
    """`time.perf_counter()` when the command began, for the banner."""


def run_host(settings: Settings, options: RunOptions) -> int:
    """Host the app until Ctrl-C, SIGTERM or, when wanted, until nothing is left to do; the exit code."""
    for note in settings.notes:
        terminal.say(f"note: {note}")
    for name in settings.export(os.environ):
        terminal.say(f"note: {name} is set in the environment, which wins over the app's settings")
    stdout = claim_stdout()
    os.chdir(settings.folder)  # where Azure's tools run an app: its code may name files relative to its folder
    if os.path.exists("host.json"):
        for name, value in AZURES_ENVIRONMENT.items():
            os.environ.setdefault(name, value)
    app = load_app(settings.folder, disabled=settings.disabled)
    _collect_seldom()
    runner = asyncio.Runner(loop_factory=loop_factory())
    code = runner.run(_Run(settings, options, app, stdout).live())
    if any(not thread.daemon and thread is not threading.main_thread() for thread in threading.enumerate()):
        _leave_at_once(code)  # a thread of the user's code that does not end must not keep the process
    runner.close()
    return code


def _collect_seldom() -> None:
    """Host and engine make no reference cycles, so looking for them often costs a tenth of a step and finds nothing.

    Cycles of user code are still collected. The process is ours; an embedded host leaves this to its program.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


class _Run:
    def __init__(self, settings: Settings, options: RunOptions, app: LoadedApp, stdout: int | None) -> None:
        self._settings = settings
        self._options = options
        self._app = app
        self._log = TransitionLog(settings.log_level, stdout)
        self._log_file = self._new_log_file()
        self._handlers: list[logging.Handler] = []
        self._signals = 0
        self._pinned = Pinned(settings.hub_path) if settings.pin else None
        self._is_broken = False
        """Whether the code on the disk could not be loaded at the last change."""
        self._unwatch: Callable[[], None] | None = None
        self._reloads: asyncio.Queue[list[str]] = asyncio.Queue()

    async def live(self) -> int:
        """Start, serve, stop."""
        try:
            self._loop = asyncio.get_running_loop()
            self._stop = asyncio.Event()
            self._host = self._new_host()
            server = await self._start()
            try:
                await self._serve(server)
            finally:
                running_file.remove(self._settings.hub_path, os.getpid())
                await server.stop()
                await self._host.stop()
            return self._outcome()
        finally:
            for handler in self._handlers:
                logging.getLogger().removeHandler(handler)
            self._log.close()
            if self._log_file is not None:
                self._log_file.close()

    def _new_log_file(self) -> LogFile | None:
        settings = self._settings
        if not settings.log_files:
            return None
        return LogFile(
            settings.hub_path,
            Env(),
            bytes_max=settings.log_file_bytes,
            files_max=settings.log_files,
            free_bytes_min=settings.free_bytes_min,
        )

    def _tell(self, transition: Transition) -> None:
        self._log.tell(transition)
        if self._log_file is not None and transition.level != "debug":
            self._log_file.tell(transition)

    def _begin_logs(self) -> None:
        """From now on lines of functions are taken; the hub is ours, so that its log file may be written."""
        replay = self._settings.log_replay
        self._handlers.append(log_to(self._log.tell, replay=replay))
        if self._log_file is not None:
            self._handlers.append(log_to(self._log_file.tell, replay=replay, all_of_them=True))

    def _new_host(self) -> Host:
        settings = self._settings
        return Host(
            self._app.registry,
            hub=settings.hub_path,
            settings=msgspec.structs.replace(settings.host, app_values=os.environ),
            hub_settings=settings.storage,
            hub_name=settings.hub,
            code_id=self._app.code_id,
            holder={"Command": "dfcli run"},
            performer=self._workers if settings.workers else None,
            older_code=self._pinned.snapshots if self._pinned is not None else None,
            on_transition=self._tell,
            tracer_provider=True if tracing.wanted(settings.otel, os.environ) else None,
        )

    def _workers(self, host: Host) -> Performer:
        command = [sys.executable, "-m", "dfcli.project.worker", self._settings.folder]
        command += [str(self._settings.activity_threads), self._settings.hub_path if self._pinned is not None else ""]
        command.append(self._settings.log_level)
        return Workers(self._loop, command, self._settings.workers, host.take_outcomes, take_log=from_worker)

    async def _start(self) -> HttpServer:
        """The port first: a busy one must be known before the hub is touched and anything begins to run."""
        settings = self._settings
        self._refuse_second_host()
        from importlib.metadata import version

        prefix = settings.route_prefix
        cors = Cors(settings.cors, credentials=settings.cors_credentials, route_prefix=prefix)
        asgi, service = build_app(self._host, version=version("dfcli"), route_prefix=prefix, cors=cors)
        service.store_inputs = settings.store_inputs
        keys = self._existing_keys()
        server = HttpServer(asgi, service, port=settings.port)
        self._host.base_url = f"{server.url}{banner.MANAGEMENT}"
        if os.path.exists("host.json"):
            os.environ.setdefault("WEBSITE_HOSTNAME", f"localhost:{server.port}")
        self._host.reach = remote
        self._host.on_death = lambda _error: self._stop.set()
        try:
            self._catch_signals()
            self._begin_logs()
            await self._host.start()
            if keys is not None:
                keys.ensure()
                service.gate = KeyGate(KeyRing(keys, self._host.env.clock))
                self._host.link_code = lambda: service.link_code
            if self._log_file is not None:
                self._log_file.begin()
        except BaseException:
            await server.stop()
            raise
        if self._pinned is not None:
            await self._keep_code(server)
        self._host.hub.tell_holder({"Command": "dfcli run", "Url": server.url})
        await server.start()
        running = running_file.RunningHost(
            url=server.url, pid=os.getpid(), started_at=self._host.started_at, auth=settings.auth
        )
        running_file.write(settings.hub_path, running)
        if self._pinned is not None:
            self._pinned.prune_soon(self._host, self._app)
        if self._options.watch:
            self._unwatch = self._begin_watch()
            self._reloads.put_nowait([ENTRY_FILE])  # it may have changed between the load and the watch
        self._say_ready(server)
        self._tell_leniencies()
        return server

    def _tell_leniencies(self) -> None:
        if self._app.registry.rules == AZURE_RULES:
            leniency.tell_of_all(self._app.registry.all)

    def _existing_keys(self) -> KeyFile | None:
        """The hub's keys when requests need one. Keys that others can read are refused before anything runs."""
        if not self._settings.auth:
            return None
        keys = KeyFile(self._settings.hub_path, Env())
        with suppress(NotFound):  # they are made with the hub
            keys.read()
        return keys

    async def _keep_code(self, server: HttpServer) -> None:
        """Before anything can begin on it: the loop has not turned since the host started."""
        assert self._pinned is not None
        try:
            self._pinned.keep(self._app)
        except BaseException:
            await server.stop()
            await self._host.stop()
            raise

    def _refuse_second_host(self) -> None:
        """Two hosts on one hub mostly meet at the port; what is wrong is the hub."""
        from dfcli.http.remote_client import RemoteControl

        running = running_file.read(self._settings.hub_path)
        if running is None:
            return
        with suppress(DfError):
            key = key_of(self._settings.hub_path, running)
            if not RemoteControl(running.url, key=key).is_alive(self._settings.hub_path):
                return
            raise _AlreadyHosted(self._settings.hub_path, running)

    def _say_ready(self, server: HttpServer) -> None:
        milliseconds = round((time.perf_counter() - self._options.began) * 1000)
        functions = self._app.registry.all
        report = self._host.hub.recovery
        for line in banner.lines(self._settings, functions, report, server.url, milliseconds):
            terminal.say(line)
        ready = {"verb": "ready", "url": server.url, "pid": os.getpid(), "milliseconds": milliseconds}
        if self._log_file is not None:
            self._log_file.tell({"timestamp": self._host.started_at, "kind": "host", **ready})
        self._log.begin({**ready, **banner.facts(self._settings, functions, report)})

    async def _serve(self, server: HttpServer) -> None:
        reloading = self._loop.create_task(self._reload_on_changes())
        idle = self._loop.create_task(self._stop_when_idle()) if self._options.exit_when_idle else None
        try:
            await self._stop.wait()
        finally:
            for task in (reloading, idle):
                if task is not None:
                    task.cancel()
            if self._unwatch is not None:
                await asyncio.to_thread(self._unwatch)
        del server

    def _outcome(self) -> int:
        if self._host.stopped is not None:
            raise self._host.stopped
        if self._options.exit_when_idle and self._host.failures and not self._signals:
            terminal.say(f"{self._host.failures} failed; see `dfcli list --failed`")
            return 1
        return 0

    # -- signals -------------------------------------------------------------------------------------------------

    def _catch_signals(self) -> None:
        handled_elsewhere()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        if not terminal.is_terminal(sys.stdin) and hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _on_signal(self, *_: object) -> None:
        """The first asks for an orderly end, the second ends the process now: what was acknowledged is on the disk.

        Not a callback of the loop: an orchestrator that never yields holds the loop, and must not hold Ctrl-C. It may
        come in the middle of anything, so it does not print through `sys.stderr`.
        """
        self._signals += 1
        if self._signals == 1:
            _write_now("stopping: running activities may finish; Ctrl-C again stops at once")
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._stop.set)
            return
        _write_now("stopped at once; what was under way goes on at the next start")
        running_file.remove(self._settings.hub_path, os.getpid())
        os._exit(_INTERRUPTED)

    # -- idle ----------------------------------------------------------------------------------------------------

    async def _stop_when_idle(self) -> None:
        """Idle twice in a row: between two looks whatever was about to begin has begun."""
        looks = 0
        while looks < 2:
            looks = looks + 1 if self._host.is_idle else 0
            await asyncio.sleep(IDLE_LOOK_SECONDS)
        self._stop.set()

    # -- reload --------------------------------------------------------------------------------------------------

    def _begin_watch(self) -> Callable[[], None] | None:
        from dfcli.project.reload import watch

        def changed(paths: list[str]) -> None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._reloads.put_nowait, paths)

        try:
            return watch(self._settings.folder, changed).stop
        except OSError as error:
            terminal.say(f"changes of the code are not noticed: {error.strerror or error}")
            return None

    async def _reload_on_changes(self) -> None:
        while True:
            paths = set(await self._reloads.get())
            while not self._reloads.empty():
                paths.update(self._reloads.get_nowait())
            for path in sorted(paths):
                if os.path.basename(path) in FILES:
                    terminal.say(f"{os.path.basename(path)} changed: settings are read at the start, so run again")
            if any(os.path.basename(path) not in FILES for path in paths):
                try:
                    await self._reload()
                except Exception:  # the next change must find somebody who listens
                    log.exception("the code could not be reloaded; the old code keeps running")

    async def _reload(self) -> None:
        """Go on with the new code; with code that does not load, go on with the old."""
        folder = self._settings.folder
        try:
            if await asyncio.to_thread(lambda: code_id_of(folder, source_files(folder))) == self._app.code_id:
                if self._is_broken:
                    terminal.say("the code is again what is running")
                self._is_broken = False
                return
            app = await asyncio.to_thread(lambda: load_app(folder, disabled=self._settings.disabled))
            if self._pinned is not None:
                await asyncio.to_thread(self._pinned.replace, self._app, app)
            parked = await self._host.reload(app.registry, app.code_id)
        except DfError as error:
            self._is_broken = True
            say_error(error)
            terminal.say("the old code keeps running")
            self._log.announce({"verb": "reload failed", "detail": f"{error.what}: {error.why}"})
            return
        self._app = app
        self._tell_leniencies()
        self._is_broken = False
        if self._pinned is not None:
            self._pinned.prune_soon(self._host, app)
        terminal.say(f"reloaded: {len(app.registry.all)} functions")
        for instance_id in parked:
            why = self._host.parked(instance_id)
            terminal.say(f"  parked {terminal.visible(instance_id)}: {terminal.visible(why)}")
        if parked:
            terminal.say("  they wait for code that repeats their history: undo the change, or terminate them")
        self._log.announce({"verb": "reloaded", "codeId": app.code_id, "parked": parked})


class _AlreadyHosted(HubLocked):
    def __init__(self, hub_path: str, running: running_file.RunningHost) -> None:
        super().__init__(
            f"the task hub {hub_path} is in use",
            why=f"process {running.pid} hosts it at {running.url} since {running.started_at}",
            hint="use that host, or stop it first; two hosts cannot share a hub",
        )


def _write_now(line: str) -> None:
    with suppress(OSError):
        os.write(2, f"{line}\n".encode())


def _leave_at_once(code: int) -> None:
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
