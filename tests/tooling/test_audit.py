"""The audit of locked packages never says "none found" when nothing was asked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def package(name: str, *vulnerabilities: dict[str, object]) -> dict[str, object]:
    return {"name": name, "version": "1.0", "vulns": list(vulnerabilities)}


CURABLE = {"id": "TEST-1", "fix_versions": ["1.1"]}
INCURABLE = {"id": "TEST-2", "fix_versions": []}
UNKNOWN = {"name": "b", "skip_reason": "not known to the service"}


@pytest.mark.parametrize(
    ("packages", "code", "says"),
    [
        ([package("a"), package("b")], 0, "2 of 2 locked packages were audited"),
        ([package("a"), UNKNOWN], 0, "1 of 2 locked packages were audited"),
        ([package("a", CURABLE)], 1, "a 1.0: TEST-1, cured in 1.1"),
        ([package("a", INCURABLE)], 0, "a 1.0: TEST-2, no cure"),
        ([UNKNOWN], 75, "the vulnerability service told nothing about any package (not known to the service)"),
        (None, 75, "the vulnerability service told nothing about any package (cannot connect)"),
    ],
)
def test_what_the_service_answers_decides(tmp_path, packages, code, says):
    answer = "" if packages is None else json.dumps({"dependencies": packages})
    program = tmp_path / "pip-audit"
    program.write_text(
        f"#!/bin/sh\nwhile [ $# -gt 1 ]; do shift; done\n[ -z '{answer}' ] || echo '{answer}' >$1\n"
        "echo cannot connect >&2; exit 1\n"
    )
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/bin:/usr/bin"}
    done = subprocess.run([sys.executable, "bin/audit"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert says in done.stdout
    assert done.returncode == code, done.stderr
