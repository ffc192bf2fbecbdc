"""axe-core over every screen: no serious or critical violation, and nothing that a browser complains of.

One variant by default; all four with PORTAL_TEST_VARIANTS=all.
"""

from __future__ import annotations

import os
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.walk import VARIANTS, ZH_LIGHT, Variant, Walker, stops
from tests.world import World

pytestmark = pytest.mark.browser

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
EXAMINE = """async () => {
    const why = (node) => node.any.concat(node.all).map((check) => check.message).join("; ");
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations
        .filter((found) => ["serious", "critical"].includes(found.impact))
        .flatMap((found) => found.nodes.map((node) => `${found.id}: ${node.target.join(" ")} ${why(node)}`));
}"""

CHOSEN = VARIANTS if os.environ.get("PORTAL_TEST_VARIANTS") == "all" else (ZH_LIGHT,)


def violations(page: Page) -> list[str]:
    """What axe-core finds serious or critical, with the element and the reason."""
    page.evaluate(AXE)  # by the debugger's door, which the content security policy does not watch
    found: list[str] = page.evaluate(EXAMINE)
    return found


# What assistive technology meets does not depend on the database engine.
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")
@pytest.mark.parametrize("variant", CHOSEN, ids=[variant.name for variant in CHOSEN])
def test_no_screen_has_a_serious_or_critical_violation(
    world: World, browser: Browser, address: str, variant: Variant
) -> None:
    walk = stops(world.app)
    assert len(walk) > 40
    wrong: list[str] = []
    walker = Walker(browser, world.app, address, variant)
    for stop in walk:
        wrong += [f"{stop.name}, {stop.login}: {found}" for found in violations(walker.visit(stop))]
    walker.close()
    assert not wrong, "\n".join(wrong)


def test_a_violation_is_seen_when_there_is_one(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<html lang='en'><title>x</title><main><h1>x</h1><button></button></main></html>")
    assert [line.split(":")[0] for line in violations(page)] == ["button-name"]
    page.close()
