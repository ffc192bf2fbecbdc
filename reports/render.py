"""HTML to PDF/A-3a, in a process of its own with limits. The only door to WeasyPrint.

WeasyPrint is never imported here: it needs Pango, and the portal must start without it.
"""

from __future__ import annotations

import base64
import functools
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from flask_babel import gettext

from portal.core.errors import PortalError
from reports import render_worker

log = logging.getLogger(__name__)

HERE = Path(__file__).resolve().parent
WORKER = (sys.executable, "-m", "reports.render_worker")
PACKAGES = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"


class RenderError(PortalError):
    """There is no PDF; `str()` says why in one sentence."""

    status = 503


@dataclass(frozen=True)
class Limits:
    """What one rendering may take. 2,000 table rows of 14 columns took 42 s of processor time and 660 MB."""

    memory_mb: int = 1536
    cpu_seconds: int = 120
    wall_seconds: float = 300


@dataclass(frozen=True)
class Attachment:
    """A file inside the PDF. `relationship` is the PDF's AFRelationship: Data, Source, Alternative, Supplement."""

    name: str
    content: bytes
    mime: str
    relationship: str
    created: datetime
    modified: datetime
    description: str = ""

    def as_job(self) -> dict[str, str]:
        return {
            "name": self.name,
            "content": base64.b64encode(self.content).decode("ascii"),
            "mime": self.mime,
            "relationship": self.relationship,
            "created": self.created.isoformat(),
            "modified": self.modified.isoformat(),
            "description": self.description,
        }


def render_pdf(
    html: str,
    css: Sequence[str],
    attachments: Sequence[Attachment],
    *,
    title: str,
    lang: str,
    created: datetime,
    limits: Limits = Limits(),
) -> bytes:
    """A tagged PDF/A-3a. The same arguments give the same bytes.

    `html` and `css` may refer to files under `reports/` (relative to it) and to `data:`; a reference to anything else
    is an error. `css` counts as user style sheets: what the page's own style says wins over it. Raises RenderError
    with one sentence for every outcome but a whole PDF.
    """
    job = {
        "task": "render",
        "html": html,
        "css": list(css),
        "attachments": [attachment.as_job() for attachment in attachments],
        "title": title,
        "lang": lang,
        "created": f"{created:%Y-%m-%dT%H:%M:%SZ}",
    }
    result = _work(job, limits)
    pdf = result.stdout
    if result.returncode != render_worker.DONE or not pdf.rstrip().endswith(b"%%EOF"):
        raise RenderError(_sentence(result, limits))
    for line in result.stderr.decode(errors="replace").splitlines():
        log.warning("render: %s", line)
    return pdf


def pdf_available() -> tuple[bool, str]:
    """Whether this machine can print PDFs, and if not (or only slowly) one sentence with what to install.

    A good answer is remembered; a bad one is asked again, so that installing the libraries is enough.
    """
    result = _checked()
    if result.returncode != render_worker.DONE:
        _checked.cache_clear()
    available = result.returncode in (render_worker.DONE, render_worker.NO_SUBSETTER)
    return available, _sentence(result, Limits())


@functools.cache
def _checked() -> subprocess.CompletedProcess[bytes]:
    return _work({"task": "check"}, Limits())


def _work(job: dict[str, Any], limits: Limits) -> subprocess.CompletedProcess[bytes]:
    """Run the worker. It gets no secret of ours: a bare environment, a temporary folder that goes with it."""
    job |= {"memory_mb": limits.memory_mb, "cpu_seconds": limits.cpu_seconds}
    with tempfile.TemporaryDirectory(prefix="gridlend-render-") as folder:
        environment = {
            "FONTCONFIG_FILE": str(HERE / "fonts" / "fontconfig.conf"),
            "HOME": folder,
            "LANG": "C.UTF-8",
            "PYTHONHASHSEED": "0",
            "TMPDIR": folder,
            "XDG_CACHE_HOME": folder,
        } | {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        command = list(WORKER)
        try:
            return subprocess.run(
                command,
                input=json.dumps(job).encode(),
                capture_output=True,
                cwd=HERE.parent,
                env=environment,
                timeout=limits.wall_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, -signal.SIGALRM, b"", b"")


def _sentence(result: subprocess.CompletedProcess[bytes], limits: Limits) -> str:
    """What the end of the worker means, for the user; empty when all is well."""
    code = result.returncode
    detail = (result.stderr.decode(errors="replace").strip().splitlines() or [""])[-1]
    if code == render_worker.DONE and not detail:
        return ""
    if code == render_worker.NO_PANGO:
        return gettext(
            "PDF needs Pango, which this machine lacks. On Debian and Ubuntu type: apt-get install %(packages)s",
            packages=PACKAGES,
        )
    if code == render_worker.NO_SUBSETTER:
        return gettext(
            "PDF works, but slowly. To make it fast, on Debian and Ubuntu type: apt-get install %(packages)s",
            packages="libharfbuzz-subset0",
        )
    if code == render_worker.REFUSED:
        return gettext("The document refers to something a report may not load: %(address)s", address=detail)
    if code == render_worker.OUT_OF_MEMORY:
        return gettext("The report needs more than %(memory)s MB of memory to print.", memory=limits.memory_mb)
    if code == -signal.SIGXCPU:
        return gettext("The report was stopped: printing took more than %(seconds)s s.", seconds=limits.cpu_seconds)
    if code == -signal.SIGALRM:
        return gettext("The report was stopped: printing took more than %(seconds)s s.", seconds=limits.wall_seconds)
    log.error("render: exit %s: %s", code, result.stderr.decode(errors="replace"))
    return gettext("The report could not be printed (%(reason)s).", reason=detail[:200] or code)
