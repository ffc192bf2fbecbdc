"""axe-core over every screen: no serious or critical violation, and nothing that a browser complains of.

Chinese in the light theme by default; with PORTAL_TEST_VARIANTS=all in the dark theme and in English, too.
"""

from __future__ import annotations

import os
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.walk import READY, ZH_LIGHT, Variant, Walker, stops
from tests.world import World

pytestmark = pytest.mark.browser

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
EXAMINE = """async (rules) => {
    const why = (node) => node.any.concat(node.all).map((check) => check.message).join("; ");
    const options = rules ? { runOnly: rules } : {};
    const { violations } = await axe.run(document, { resultTypes: ["violations"], ...options });
    return violations
        .filter((found) => ["serious", "critical"].includes(found.impact))
        .flatMap((found) => found.nodes.map((node) => `${found.id}: ${node.target.join(" ")} ${why(node)}`));
}"""
COLOURS = ["color-contrast", "link-in-text-block"]
"""Rules whose answer depends on the theme."""
EVERYTHING = os.environ.get("PORTAL_TEST_VARIANTS") == "all"
CHOSEN = (Variant("zh", "system"), Variant("en", "system")) if EVERYTHING else (ZH_LIGHT,)


def violations(page: Page, rules: list[str] | None = None) -> list[str]:
    """What axe-core finds serious or critical, with the element and the reason; by these rules, or by all."""
    page.evaluate(AXE)  # by the debugger's door, which the content security policy does not watch
    found: list[str] = page.evaluate(EXAMINE, rules)
    return found


# What assistive technology meets does not depend on the database engine.
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")
@pytest.mark.parametrize("variant", CHOSEN, ids=[variant.language for variant in CHOSEN])
def test_no_screen_has_a_serious_or_critical_violation(
    world: World, browser: Browser, address: str, variant: Variant
) -> None:
    walk = stops(world.app)
    assert len(walk) > 40
    wrong: list[str] = []
    walker = Walker(browser, world.app, address, variant)
    for stop in walk:
        page = walker.visit(stop)
        found = violations(page)
        if EVERYTHING and variant.language == "zh":  # colours do not depend on the language
            found += [f"dark: {one}" for one in in_the_dark(page)]
        wrong += [f"{stop.name}, {stop.login}: {one}" for one in found]
    walker.close()
    assert not wrong, "\n".join(wrong)


def in_the_dark(page: Page) -> list[str]:
    """What is wrong with colours of the same page in the dark theme, which it takes on without being loaded again."""
    if not page.evaluate("'theme' in document.documentElement.dataset"):
        return []  # paper, which is white
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.wait_for_function("() => getComputedStyle(document.documentElement).colorScheme === 'dark'")
    page.wait_for_function(READY)
    found = violations(page, COLOURS)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    return found


def test_a_violation_is_seen_when_there_is_one(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<html lang='en'><title>x</title><main><h1>x</h1><button></button></main></html>")
    assert [line.split(":")[0] for line in violations(page)] == ["button-name"]
    page.close()
