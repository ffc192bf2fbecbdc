"""The worker: runs jobs, rings again for jobs whose worker died, and closes the day at night."""

from __future__ import annotations

import structlog
from flask import Flask
from huey import crontab

from portal.core import jobs, scope
from portal.core.scope import SYSTEM
from portal.loans.day_end import run_nightly

log = structlog.get_logger("portal.worker")


def work(app: Flask) -> None:
    """Consume the queue until told to stop (SIGINT finishes the running job)."""
    huey = app.extensions["huey"]

    @huey.periodic_task(crontab(minute="*"), name="ring_again")
    def ring_again() -> None:
        with app.app_context(), scope.acting(SYSTEM):
            for job_id in jobs.due():
                jobs.ring(job_id)

    @huey.periodic_task(crontab(hour="17", minute="30"), name="night")  # 01:30 in China
    def night() -> None:
        with app.app_context(), scope.acting(SYSTEM):
            run_nightly()

    with app.app_context(), scope.acting(SYSTEM):
        for job_id in jobs.due():
            jobs.ring(job_id)
    log.info("worker started")
    huey.create_consumer(workers=2, periodic=True, initial_delay=0.1, max_delay=1.0, check_worker_health=True).run()
