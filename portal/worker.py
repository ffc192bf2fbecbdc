"""The worker: runs jobs, rings again for those that stopped, seals the trail, closes the day, moves staff, tidies."""

from __future__ import annotations

import structlog
from flask import Flask
from huey import crontab

from portal.core import export_jobs, jobs, scope
from portal.core.accounts.forgetting import forget
from portal.core.scope import SYSTEM
from portal.guarantees.clocks import refresh_all
from portal.loans.day_end import run_nightly
from portal.loans.proofs import reconcile_nightly
from portal.moves.services import run_due
from portal.trail import sealing
from portal.trail.services import verify_and_archive

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
            done, stuck = run_due()  # moves count from a business day, so they follow the day that was opened
            log.info("staff moves", done=done, stuck=stuck)
            refresh_all()
            reconcile_nightly()

    @huey.periodic_task(crontab(minute="*"), name="seal")
    def seal() -> None:
        with app.app_context(), scope.acting(SYSTEM):
            sealing.seal(all_ids=False)

    @huey.periodic_task(crontab(hour="18", minute="30"), name="audit")  # 02:30 in China
    def audit() -> None:
        with app.app_context(), scope.acting(SYSTEM):
            sealing.seal()
            verify_and_archive()

    @huey.periodic_task(crontab(hour="18", minute="30"), name="tidy")  # 02:30 in China
    def tidy() -> None:
        with app.app_context(), scope.acting(SYSTEM):
            log.info("old exports removed", files=export_jobs.remove_old())

    @huey.periodic_task(crontab(hour="17", minute="10"), name="forget")
    def forget_log_ins() -> None:
        with app.app_context(), scope.acting(SYSTEM):
            forget()

    with app.app_context(), scope.acting(SYSTEM):
        for job_id in jobs.due():
            jobs.ring(job_id)
    log.info("worker started")
    huey.create_consumer(workers=2, periodic=True, initial_delay=0.1, max_delay=1.0, check_worker_health=True).run()
