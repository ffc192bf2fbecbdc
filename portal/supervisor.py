"""Web server and worker under one parent: started together, stopped together, never left behind.

The parent binds the port, starts gunicorn on the bound socket and the worker beside it, each in a process group of
its own (so that a Ctrl-C in the terminal reaches only the parent), and watches both. A child whose parent was killed
is told so by the kernel, which is why this needs Linux.

The web server is forked from the parent: an application that was loaded to prepare the start is not loaded again.
"""

from __future__ import annotations

import ctypes
import gc
import http
import http.client
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

WORKER = (sys.executable, "-m", "portal.cli", "worker")

#: Seconds between two looks at the children.
_TICK = 0.1
#: Seconds from one answer of the readiness check to the next question.
_PAUSE = 0.5
#: Seconds after which a portal that is still not ready is reported (and still waited for).
_SLOW_START = 60.0
_PR_SET_PDEATHSIG = 1


def serve(
    load: Callable[[], Any],
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    workers: int = 2,
    threads: int = 8,
    with_worker: bool = True,
    worker_command: Sequence[str] = WORKER,
    announce: Callable[[str], Iterable[str]] = lambda address: [f"The portal is at {address}"],
    grace: float = 20.0,
) -> int:
    """Run the portal until it is told to stop; returns the exit code.

    `load` gives the application, in the process of the web server; whoever has loaded it must have given up the
    connections it opened. `announce` gets the address and gives the lines to print, once, when the portal answers its
    readiness check. `grace` is how many seconds the children have to finish what they do. Exit codes: 0 stopped by a
    signal, 1 a child died, 2 the address cannot be used.
    """
    try:
        listener = _listen(host, port)
    except (OSError, OverflowError) as error:
        _complain(_unusable(host, port, error))
        return 2
    with listener:
        bound_host, bound_port = listener.getsockname()[:2]
        web = _Child("web server", _gunicorn(load, listener.fileno(), workers, threads, grace), signal.SIGTERM)
        # huey drops a running task on SIGTERM and finishes it on SIGINT
        worker = _Child("worker", worker_command, signal.SIGINT)
        children = [web, worker] if with_worker else [web]
        return _Supervisor(children, grace).run(
            listener, _Readiness(_reachable(bound_host), bound_port), lambda: announce(_address(bound_host, bound_port))
        )


def address_problem(host: str, port: int) -> str | None:
    """Why `serve` could not listen there now, in one sentence; None when it could."""
    try:
        _listen(host, port).close()
    except (OSError, OverflowError) as error:
        return _unusable(host, port, error)
    return None


class _Supervisor:
    """Starts, watches and stops the children."""

    def __init__(self, children: Sequence[_Child], grace: float) -> None:
        self.children = children
        self.grace = grace
        self.signals = 0

    def run(self, listener: socket.socket, readiness: _Readiness, announce: Callable[[], Iterable[str]]) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asked to stay
            signal.signal(signal.SIGHUP, self._on_signal)
        gc.freeze()  # an application that prepared the start is not searched for garbage when it ends
        try:
            for child in self.children:
                child.start()
            listener.close()
            return self._watch(readiness, announce)
        finally:
            self._stop()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.signals += 1

    def _watch(self, readiness: _Readiness, announce: Callable[[], Iterable[str]]) -> int:
        announced = False
        while not self.signals:
            for child in self.children:
                if (how := child.ended()) is not None:
                    _complain(f"The {child.name} stopped unexpectedly ({how}); the portal stops.")
                    return 1
            if not announced and readiness.reached():
                announced = True
                print(*announce(), sep="\n", flush=True)  # noqa: T201
            time.sleep(_TICK)
        return 0

    def _stop(self) -> None:
        """Ask the children to finish, wait for the grace time or a second signal, then end whatever is left."""
        asked = self.signals
        for child in self.children:
            child.ask_to_stop()
        deadline = time.monotonic() + self.grace
        while self.signals <= asked and time.monotonic() < deadline and any(c.ended() is None for c in self.children):
            time.sleep(_TICK)
        for child in self.children:
            child.kill()


class _Child:
    """One child process with its own process group: a command, or a part of this program."""

    def __init__(self, name: str, program: Sequence[str] | Callable[[], None], stop_signal: signal.Signals) -> None:
        self.name = name
        self.program = program
        self.stop_signal = stop_signal
        self.pid: int | None = None

    def start(self) -> None:
        follow = _follow_parent(self.stop_signal)
        if callable(self.program):
            self.pid = self._fork(self.program, follow)
        else:
            self.pid = subprocess.Popen(self.program, stdin=subprocess.DEVNULL, process_group=0, preexec_fn=follow).pid

    def _fork(self, program: Callable[[], None], follow: Callable[[], None]) -> int:
        sys.stdout.flush()  # or the child would print it as well
        if pid := os.fork():
            return pid
        code = 1
        try:
            os.setpgid(0, 0)
            follow()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            program()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
            if isinstance(end.code, str):
                _complain(end.code)
        except BaseException:  # noqa: BLE001 - whatever it is, it is told and the process ends here
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def ended(self) -> str | None:
        """How the process ended, in words; None while it runs. `kill` reaps it: until then its id stays ours."""
        if not self.pid:
            return "never started"
        result = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        if result is None:
            return None
        if result.si_code == os.CLD_EXITED:
            return f"exit code {result.si_status}"
        return signal.Signals(result.si_status).name

    def ask_to_stop(self) -> None:
        if self.pid:
            os.kill(self.pid, self.stop_signal)

    def kill(self) -> None:
        """End the whole group: the process if it did not finish in time, and anything it left behind."""
        if self.pid:
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


class _Readiness:
    """Asks the portal's readiness check, one question at a time; says so once when the answer takes long."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.asked: http.client.HTTPConnection | None = None
        self.ask_from = 0.0
        self.slow_from = time.monotonic() + _SLOW_START
        self.last = "nothing"

    def reached(self) -> bool:
        try:
            if self._answer() == http.HTTPStatus.OK:
                return True
        except (OSError, http.client.HTTPException) as error:
            self._note(str(error))
        if time.monotonic() > self.slow_from:
            self.slow_from = float("inf")
            _complain(f"The portal is not ready yet (/readyz answers {self.last}); still waiting.")
        return False

    def _answer(self) -> int | None:
        """The status; None while there is none. The port is open from the start, so the question waits there."""
        if self.asked is None:
            if time.monotonic() < self.ask_from:
                return None
            self.asked = http.client.HTTPConnection(self.host, self.port, timeout=10)
            self.asked.request("GET", "/readyz")
        if not select.select([self.asked.sock], [], [], 0)[0]:
            return None
        status = self.asked.getresponse().status
        self._note(str(status))
        return status

    def _note(self, answer: str) -> None:
        if self.asked is not None:
            self.asked.close()
        self.asked = None
        self.ask_from = time.monotonic() + _PAUSE
        self.last = answer


def _gunicorn(load: Callable[[], Any], fd: int, workers: int, threads: int, grace: float) -> Callable[[], None]:
    def run() -> None:
        from gunicorn.app.base import Application  # what only the child needs

        class Web(Application):
            def load_config(self) -> None:  # not from the command line, which is the parent's
                self.load_config_from_file(str(Path(__file__).with_name("gunicorn_conf.py")))
                self.cfg.set("bind", f"fd://{fd}")
                self.cfg.set("workers", workers)
                self.cfg.set("threads", threads)
                self.cfg.set("graceful_timeout", max(1, int(grace) - 2))

            def load(self) -> Any:
                return load()

        Web(prog="portal").run()

    return run


def _listen(host: str, port: int) -> socket.socket:
    """Bind here and not in gunicorn: a taken port is known before anything starts, and an early browser waits."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    return socket.create_server((host, port), family=family, backlog=512)


def _follow_parent(stop_signal: signal.Signals) -> Callable[[], None]:
    """What a child does before it becomes its program: ask the kernel for `stop_signal` when the parent dies."""
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl

    def follow() -> None:
        prctl(_PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:  # it died before the kernel was asked
            os._exit(1)

    return follow


def _reachable(host: str) -> str:
    """The address by which this machine reaches what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _address(host: str, port: int) -> str:
    name = _reachable(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _unusable(host: str, port: int, error: OSError | OverflowError) -> str:
    return f"The portal cannot listen on {host} port {port} ({_reason(error)}); set PORT to one that is free."


def _reason(error: OSError | OverflowError) -> str:
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror) and error.errno:
        return os.strerror(error.errno)  # without the addresses that `socket` adds to it
    return str(error)


def _complain(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201
