"""The supervisor, tried from outside: a real parent process over a tiny Flask app and a tiny worker."""

import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal import supervisor

PATIENCE = 30.0
SUPERVISOR = Path(__file__).parents[2] / "portal" / "supervisor.py"

APP = """
    from flask import Flask

    answers = iter(["loading", "ready"])

    def ready():
        answer = next(answers)
        print("asked:", answer, flush=True)
        return answer, 200 if answer == "ready" else 503

    def create_app():
        app = Flask("tiny")
        app.add_url_rule("/readyz", view_func=ready)
        app.add_url_rule("/", view_func=lambda: "hello", endpoint="hello")
        app.extensions["sqlalchemy"] = Database()
        return app

    class Database:
        # stands for the extension
        class Engine:
            def dispose(self):
                print("connections closed before the fork", flush=True)

        engines = {None: Engine()}

    def create_broken_app():
        raise RuntimeError("no database")
"""

#: Says that it runs, then works until SIGINT, as huey does; finishes its task before it goes.
WORKER = """
    import signal, sys, time
    def finish(*_):
        print("worker finished its task", flush=True)
        sys.exit(0)
    signal.signal(signal.SIGINT, finish)
    print("worker runs", flush=True)
    signal.pause()
"""

STUBBORN_WORKER = """
    import signal, subprocess, sys
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    print("worker runs", flush=True)
    while True:
        signal.pause()
"""

#: Loads the file alone: the whole package takes seconds to import.
PARENT = """
    import sys
    from importlib.util import module_from_spec, spec_from_file_location
    spec = spec_from_file_location("supervisor", {source!r})
    supervisor = sys.modules["supervisor"] = module_from_spec(spec)
    spec.loader.exec_module(supervisor)

    def load():
        import tiny
        return tiny.{app}()

    sys.exit(supervisor.serve(
        load, port={port}, workers=1, threads=2, grace={grace}, with_worker={with_worker},
        worker_command=[sys.executable, "worker.py"],
        announce=lambda address: [f"open {{address}}", "log in as demo"],
    ))
"""


class Portal:
    """A supervisor under test and what it printed."""

    def __init__(self, folder: Path, **options: object) -> None:
        defaults = {"app": "create_app", "port": 0, "grace": 10.0, "with_worker": True}
        settings = defaults | options | {"source": str(SUPERVISOR)}
        (folder / "parent.py").write_text(textwrap.dedent(PARENT).format(**settings))
        self.process = subprocess.Popen(
            [sys.executable, "parent.py"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        self.text = ""

    def until(self, *phrases: str) -> str:
        """Read on until every phrase was printed."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + PATIENCE
        while not all(phrase in self.text for phrase in phrases):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert chunk, f"{phrases} did not come; printed was:\n{self.text}"
            self.text += chunk.decode()
        return self.text

    def wait(self) -> int:
        out, _ = self.process.communicate(timeout=PATIENCE)
        self.text += out.decode()
        return self.process.returncode

    @property
    def address(self) -> str:
        return self.text.split("open ", 1)[1].split()[0]

    def children(self) -> list[int]:
        return [pid for pid in descendants(self.process.pid) if pid != self.process.pid and not gone(pid)]


def descendants(root: int) -> list[int]:
    """Process ids below `root`, itself included."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def gone(pid: int) -> bool:
    """Whether the process has ended (a zombie that waits to be reaped by init has)."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Portal]]:
    (tmp_path / "tiny.py").write_text(textwrap.dedent(APP))
    (tmp_path / "worker.py").write_text(textwrap.dedent(WORKER))
    portals: list[Portal] = []

    def start(worker: str = WORKER, **options: object) -> Portal:
        (tmp_path / "worker.py").write_text(textwrap.dedent(worker))
        portals.append(Portal(tmp_path, **options))
        return portals[-1]

    yield start
    for portal in portals:
        family = descendants(portal.process.pid)
        if portal.process.poll() is None:
            for pid in family:
                os.kill(pid, signal.SIGKILL)
            portal.process.wait()


def test_the_address_and_the_logins_are_printed_when_the_portal_answers(start):
    portal = start()
    portal.until("log in as demo", "worker runs")
    assert urllib.request.urlopen(portal.address).read() == b"hello"


def test_the_readiness_check_is_asked_until_it_says_yes_and_no_more(start):
    portal = start()
    text = portal.until("log in as demo")
    assert text.index("asked: loading") < text.index("asked: ready") < text.index("open http")
    portal.process.terminate()
    portal.wait()
    assert portal.text.count("asked:") == 2


def test_no_connection_made_while_loading_reaches_the_forked_web_workers(start):
    portal = start()
    assert portal.until("log in as demo").count("connections closed before the fork") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_signal_ends_everything_and_lets_the_worker_finish(start, number):
    portal = start()
    portal.until("log in as demo", "worker runs")
    children = portal.children()
    portal.process.send_signal(number)
    assert portal.wait() == 0
    assert "worker finished its task" in portal.text
    assert len(children) >= 3  # gunicorn, its web worker, the worker
    assert eventually(lambda: all(gone(pid) for pid in children))


def test_a_worker_that_does_not_stop_is_killed_with_its_children_after_the_grace_time(start):
    portal = start(worker=STUBBORN_WORKER, grace=0.5)
    portal.until("log in as demo", "worker runs")
    children = portal.children()
    portal.process.terminate()
    assert portal.wait() == 0
    assert len(children) >= 4
    assert eventually(lambda: all(gone(pid) for pid in children))


def test_a_second_signal_does_not_wait_for_the_grace_time(start):
    portal = start(worker=STUBBORN_WORKER, grace=10 * PATIENCE)
    portal.until("log in as demo", "worker runs")
    portal.process.terminate()
    assert eventually(lambda: len(portal.children()) == 2)  # the web server went at the first signal
    portal.process.terminate()
    assert portal.wait() == 0


def test_nothing_is_left_behind_when_the_parent_is_killed(start):
    portal = start()
    portal.until("log in as demo", "worker runs")
    children = portal.children()
    portal.process.kill()
    assert eventually(lambda: all(gone(pid) for pid in children))
    portal.wait()
    assert "worker finished its task" in portal.text


def test_a_worker_that_dies_stops_the_portal_with_one_sentence(start):
    portal = start(worker="import sys; sys.exit(7)")
    assert portal.wait() == 1
    assert "The worker stopped unexpectedly (exit code 7); the portal stops." in portal.text


def test_a_web_server_that_cannot_start_stops_the_worker(start):
    portal = start(app="create_broken_app")
    assert portal.wait() == 1
    assert "The web server stopped unexpectedly (exit code" in portal.text
    assert "open http" not in portal.text


def test_a_web_server_that_is_killed_is_named_with_its_signal(start):
    portal = start()
    portal.until("log in as demo", "worker runs")
    gunicorn = min(portal.children())
    os.kill(gunicorn, signal.SIGKILL)
    assert portal.wait() == 1
    assert "The web server stopped unexpectedly (SIGKILL)" in portal.text


def test_without_a_worker_only_the_web_server_runs(start):
    portal = start(with_worker=False)
    assert "worker runs" not in portal.until("log in as demo")


def test_a_port_in_use_is_one_sentence_and_exit_code_2(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        portal = start(port=port)
        assert portal.wait() == 2
    assert portal.text == (
        f"The portal cannot listen on 127.0.0.1 port {port} (Address already in use); set PORT to one that is free.\n"
    )


def test_a_port_that_cannot_exist_is_one_sentence_and_exit_code_2(start):
    portal = start(port=70000)
    assert portal.wait() == 2
    assert portal.text.count("\n") == 1


def test_an_address_that_can_be_used_is_no_problem_and_is_left_free():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert supervisor.address_problem("127.0.0.1", port) is not None
    assert supervisor.address_problem("127.0.0.1", port) is None
    socket.create_server(("127.0.0.1", port)).close()
