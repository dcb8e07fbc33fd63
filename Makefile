# What a person does here most often. `make` alone says what there is.

.PHONY: help demo test lint prepare

help:
	@echo "make demo   the whole thing on this machine: four pretended systems, the real server, and its pages"
	@echo "make test   install what the tests need (Debian packages, said out loud), then run every test"
	@echo "make lint   check formatting and run clippy; warnings are errors"

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
