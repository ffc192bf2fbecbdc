# `make run` starts the portal, `make test` proves it; both prepare what they need first.
.PHONY: setup run test check bench

setup:
	@bin/setup

run: setup
	@.venv/bin/portal serve

# make test ARGS="tests/loans -x" runs a part
test:
	@bin/setup --dev
	@.venv/bin/pytest -n 2 --dist loadfile $(ARGS)

check:
	@bin/setup --dev
	@bin/check

# make bench ARGS="--size 1000 --only pages postgresql://…" measures a part
bench:
	@bin/setup --dev
	@.venv/bin/python -m tests.bench $(ARGS)
