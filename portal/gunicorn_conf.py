"""gunicorn's settings that never change; the supervisor adds the address and the numbers."""

from __future__ import annotations

import gc

from gunicorn.arbiter import Arbiter

worker_class = "gthread"
preload_app = True
control_socket_disable = True
loglevel = "warning"
timeout = 120
limit_request_line = 8190  # bytes: a list with many filters
keepalive = 75  # longer than people look at a page: or their next click meets a connection that is just being closed


def on_starting(server: Arbiter) -> None:
    """The application is loaded, nothing is forked yet.

    Connections that loading opened are closed: forked workers must not share one. What was loaded is taken out of
    garbage collection, so that workers go on sharing its memory and stop at once.
    """
    app = server.app.wsgi()
    if database := app.extensions.get("sqlalchemy"):
        with app.app_context():
            for engine in database.engines.values():
                engine.dispose()
    gc.freeze()
