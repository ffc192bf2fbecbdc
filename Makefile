# `make run` starts the portal, `make test` proves it; both prepare what they need first.
.PHONY: setup run test check bench security screens

setup:
	@bin/setup

run: setup
	@.venv/bin/portal serve

# make test ARGS="tests/loans -x" runs a part
test:
	@bin/setup --dev
	@.venv/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check:
	@bin/setup --dev
	@bin/check

# make bench ARGS="--size 1000 --only pages postgresql://…" measures a part
bench:
	@bin/setup --dev
	@.venv/bin/python -m tests.bench $(ARGS)

# attacks on a scratch portal on the loopback; make security ARGS=sqlite for one engine
security:
	@bin/setup --dev
	@.venv/bin/python bin/security $(ARGS)

# pictures of every screen; make screens ARGS="loan home" takes those whose name holds one of the words
screens:
	@bin/setup --dev
	@.venv/bin/python bin/screens $(ARGS)
