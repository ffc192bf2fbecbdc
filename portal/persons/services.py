"""Carrying out requests of persons: the copy as a job, the erasure at once, a correction by editing the record."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _

from portal.core import files, jobs, records, scope
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import Forbidden, NotFound, Refused
from portal.core.key_ring import key_ring, opened, seal
from portal.core.notifications import Message, notify, register_message
from portal.core.work import current_unit, unit_of_work, verb
from portal.customers.models import Customer
from portal.persons import erasure
from portal.persons.holding import Part, held_on
from portal.persons.models import PersonRequest, RequestKind, RequestState

COPY = "persons.copy"
"""The job that makes the copy; the reports print it."""
READY = "person_copy_ready"
SEALED_BY = b"person:copy"
MIME = {"pdf": "application/pdf", "json": "application/json"}

register_message(Message(READY, _("%(code)s: the copy of the person's data is ready"), "ok"))


def carry_out(request_id: int) -> PersonRequest:
    """Do what was asked for, or refuse it with the reason. Refused when it has been decided before."""
    request: PersonRequest = records.load(PersonRequest, request_id)
    if request.state != RequestState.OPEN and request.kind is not RequestKind.ACCESS:
        raise Refused(gettext("This request has been decided; enter a new one."))
    _may_reveal(request)
    match request.kind:
        case RequestKind.ACCESS:
            return begin_copy(request_id)
        case RequestKind.CORRECTION:
            return decide(request_id, RequestState.GRANTED, "")
        case _:
            return decide_erasure(request_id)


def _may_reveal(request: PersonRequest) -> None:
    """The copy shows everything in plain, and an erasure destroys it: for those who may see it."""
    with scope.doing("Customer", "reveal"):
        if not scope.visible(request.customer):
            raise Forbidden(gettext("Only who may have this customer's data shown may carry this out."))


@verb("persons.decide")
def decide(request_id: int, state: RequestState, reason: str) -> PersonRequest:
    """Note the decision on a request."""
    request: PersonRequest = records.load(PersonRequest, request_id)
    request.state, request.decided_on = state, business_date()
    request.reason = reason[:400] or request.reason
    db.session.flush()
    current_unit().about(request)
    return request


def decide_erasure(request_id: int) -> PersonRequest:
    """Erase the person where nothing stands against it; else refuse, with the reason of the rule."""
    destroyed: list[str] = []
    with unit_of_work("persons.erasure"):
        request: PersonRequest = records.load(PersonRequest, request_id)
        refusal = erasure.refusal_of(request.customer)
        if refusal is None:
            destroyed = erasure.erase(request.customer)
            decide(request_id, RequestState.GRANTED, "")
        else:
            decide(request_id, RequestState.REFUSED, erasure.words_of(refusal))
    if refusal is None:
        erasure.clean_up(destroyed)
    return records.load(PersonRequest, request_id)


# --- the copy ---------------------------------------------------------------------------------------------------------


def begin_copy(request_id: int) -> PersonRequest:
    """Have the copy made in the background, in the present language."""
    with unit_of_work("persons.copy_asked") as unit:
        request: PersonRequest = records.load(PersonRequest, request_id)
        if request.customer.erased_on is not None:
            raise Refused(gettext("The data of this person have been erased; there is nothing to copy."))
        job = jobs.submit(COPY, request_id=request_id, language=str(get_locale() or "en")[:2])
        request.job_id = job.id
        unit.about(request)
        job_id = job.id
    jobs.ring(job_id)  # once more: before the commit a worker found nothing
    return records.load(PersonRequest, request_id)


def gathered(request_id: int) -> tuple[str, str, list[Part]]:
    """(number of the request, name of the person, everything held), for whoever prints it."""
    request: PersonRequest = records.load(PersonRequest, request_id)
    _may_reveal(request)
    return request.code, request.customer.name, held_on(request.customer)


def as_json(code: str, parts: Sequence[Part]) -> bytes:
    """The copy for machines."""
    content = {"request": code, "as_of": business_date().isoformat(), **{part.key: part.as_json() for part in parts}}
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


@verb("persons.copy")
def keep_copy(request_id: int, contents: Mapping[str, bytes]) -> None:
    """Keep the finished files, sealed with the person's key, and tell whoever decides."""
    request: PersonRequest = records.load(PersonRequest, request_id)
    cipher = key_ring().cipher(request.customer.sealing_key())
    for fmt, content in contents.items():
        stored = files.store(
            f"{request.code}.{fmt}.sealed", seal(cipher, content, SEALED_BY), "application/octet-stream"
        )
        setattr(request, f"{fmt}_id", stored.id)
    request.state, request.decided_on = RequestState.GRANTED, business_date()
    db.session.flush()
    unit = current_unit()
    unit.about(request.customer)
    unit.note(request=request.code, formats=sorted(contents))
    notify([scope.actor().user_id], READY, f"/personrequestview/show/{request_id}", code=request.code)


def open_copy(request_id: int, fmt: str) -> BinaryIO:
    """A file of the copy in plain, written down. NotFound when it is not there (any more)."""
    request: PersonRequest = records.load(PersonRequest, request_id)
    _may_reveal(request)
    stored = request.pdf if fmt == "pdf" else request.json
    if stored is None or request.customer.data_key is None:
        raise NotFound(gettext("The copy does not exist, or it was erased with the person's data."))
    with files.open_file(stored) as file:
        content = opened(key_ring().cipher(request.customer.data_key), file.read(), SEALED_BY)
    customer_id = request.customer_id
    with unit_of_work("persons.copy_taken") as unit:
        unit.resource, unit.subject_id = Customer.__name__, customer_id
        unit.note(request=request_id, format=fmt)
    return io.BytesIO(content)


def change(request_id: int, values: dict[str, Any], version_seen: int | None) -> PersonRequest:
    """The verb behind the edit form: a decision gets its day."""
    with unit_of_work("persons.change_request"):
        request: PersonRequest = records.change(PersonRequest, request_id, values, version_seen)
        if request.state != RequestState.OPEN and request.decided_on is None:
            request.decided_on = business_date()
            db.session.flush()
    return request
