"""The end of a test run names what did not run, and CI fails for it."""

import pytest

SUITE = """
    import pytest

    def test_plain():
        pass

    @pytest.mark.postgresql
    def test_on_the_server():
        pass

    @pytest.mark.redis
    def test_by_hand():
        pytest.skip("not today")
"""
NO_SERVER = "postgresql://postgres@127.0.0.1:1/postgres"


@pytest.fixture
def run(pytester, monkeypatch, pytestconfig):
    """Run a small suite with this plugin in a process of its own."""
    markers = "\n    ".join(pytestconfig.getini("markers"))
    pytester.makeini(f"[pytest]\naddopts = -p no:dash\nmarkers =\n    {markers}\n")
    monkeypatch.setenv("PYTHONPATH", str(pytestconfig.rootpath))
    monkeypatch.delenv("PORTAL_TEST_REQUIRE", raising=False)

    def run(suite=SUITE, *, require="", workers=0, database=NO_SERVER):
        pytester.makepyfile(suite)
        monkeypatch.setenv("PORTAL_TEST_REQUIRE", require)
        monkeypatch.setenv("PORTAL_TEST_DATABASE_URL", database)
        return pytester.runpytest_subprocess("-p", "tests.needs", "-n", str(workers))

    return run


def test_what_did_not_run_is_named_with_its_reason(run):
    result = run()
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines_random(
        ["NOT RUN: 1 postgresql test (no PostgreSQL server: *)", "NOT RUN: 1 redis test (not today)"]
    )
    result.assert_outcomes(passed=1, skipped=2)


def test_a_required_need_that_was_skipped_fails_the_run_also_with_several_workers(run):
    result = run(require="postgresql", workers=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAILED: these had to run, all of them: postgresql"])


def test_a_required_need_without_any_test_fails_the_run(run):
    result = run("def test_plain(): pass", require="browser")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAILED: these had to run, all of them: browser"])


def test_a_required_need_that_was_met_passes(run, monkeypatch):
    monkeypatch.setenv("PORTAL_TEST_CHROMIUM", "/bin/true")
    suite = """
        import pytest

        @pytest.mark.browser
        def test_opens(chromium):
            assert chromium == "/bin/true"
    """
    result = run(suite, require="browser")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("NOT RUN*")


def test_a_file_that_skips_itself_is_named_too(run):
    result = run("import pytest; pytest.importorskip('no_such_module')\ndef test_plain(): pass")
    result.stdout.fnmatch_lines(["NOT RUN: 1 other test (could not import 'no_such_module'*"])


def test_an_unknown_required_need_is_refused(run):
    result = run(require="postgres")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*PORTAL_TEST_REQUIRE names unknown needs: postgres"])
