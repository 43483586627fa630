# A short front to Meson and the scripts. `make help` says what there is.

T ?= 10
F ?=
PREFIX ?= /usr/local
SETUP_FLAGS = $(if $(WERROR),-Dwerror=$(WERROR))
comma = ,
# Meson says much, and is worth reading only when it fails.
quietly = said=$$($(1) 2>&1) || { echo "$$said"; exit 1; }

.PHONY: all run test check tidy tsan fuzz e2e cluster load browser client client-browser docs docs-check bench install format clean help

all: build/build.ninja ## build/rollcall: release, asserts on
	@ninja -C build --quiet

run: ## install what is lacking, build, serve the demo blog
	@scripts/install-deps run
	@$(MAKE) --no-print-directory all
	@exec build/rollcall serve --demo

test: ## all that continuous integration runs (T= seconds a fuzz target)
	@scripts/install-deps test
	@T=$(T) scripts/test

check: build-asan/build.ninja ## unit tests under the address and undefined-behaviour sanitizers
	@ninja -C build-asan --quiet
	@meson test -C build-asan --no-rebuild --print-errorlogs

tidy: ## layers, headers, lengths, format and the other rules of the house
	@scripts/tidy

tsan: build-tsan/build.ninja ## tests with threads under ThreadSanitizer
	@ninja -C build-tsan --quiet
	@meson test -C build-tsan --no-rebuild --print-errorlogs

# A new target must be seen: fuzz/meson.build looks for them when it is configured.
fuzz: ## fuzz every target (T= seconds each, F= one target)
	@$(call quietly,CC=clang meson setup build-fuzz -Dfuzz=true -Db_lundef=false \
	    -Db_sanitize=address$(comma)undefined $(if $(wildcard build-fuzz/build.ninja),--reconfigure))
	@ninja -C build-fuzz --quiet
	@scripts/fuzz $(T) $(F)

e2e: all ## tests against the real program
	@scripts/node-test tests/e2e

cluster: all ## several nodes, a real Redis, and every fault
	@scripts/node-test tests/cluster

# The same tests twice: what leaks or is misused, then what races.
load: build-asan/build.ninja build-tsan/build.ninja ## tests under load, against the sanitized programs
	@ninja -C build-asan --quiet
	@ninja -C build-tsan --quiet
	@ROLLCALL=$(CURDIR)/build-asan/rollcall UBSAN_OPTIONS=halt_on_error=1 scripts/node-test tests/load
	@ROLLCALL=$(CURDIR)/build-tsan/rollcall TSAN_OPTIONS=halt_on_error=1 scripts/node-test tests/load

browser: all ## tests in a real browser
	@scripts/node-test tests/browser

client: ## the client package: built, checked and tested without a browser
	@node client/scripts/build.mjs --check
	@node client/scripts/check.mjs
	@node client/scripts/test.mjs

client-browser: all client/dist/index.js ## the client package and the examples in a real browser
	@scripts/node-test tests/client

docs: all ## write the generated pages again
	@mkdir -p docs packaging
	build/rollcall docs configuration >docs/configuration.md
	build/rollcall docs man >packaging/rollcall.1
	build/rollcall docs sample >packaging/rollcall.conf

docs-check: all ## the generated pages are what the program says
	@scripts/check-docs

bench: ## measure, side by side with others (ARGS= for bench/run, as --quick)
	@scripts/install-deps bench || echo "rollcall: going on with what is there"
	@$(MAKE) --no-print-directory all
	@bench/run $(ARGS)

install: all ## install to $(DESTDIR)$(PREFIX)
	@meson configure build -Dprefix=$(PREFIX)
	@meson install -C build

format: ## clang-format over our C files
	@git ls-files -co --exclude-standard 'src/*.[ch]' 'tests/*.[ch]' 'fuzz/*.[ch]' 'bench/*.[ch]' | \
	    xargs -r clang-format -i

clean: ## remove what was built
	@rm -rf build build-asan build-tsan build-fuzz client/build client/dist

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 14

client/dist/index.js: $(wildcard client/src/*.ts client/scripts/*.mjs client/*.json)
	@node client/scripts/build.mjs --check

build/build.ninja:
	@$(call quietly,meson setup build $(SETUP_FLAGS))

build-asan/build.ninja:
	@$(call quietly,meson setup build-asan $(SETUP_FLAGS) -Dtests=all -Db_sanitize=address$(comma)undefined)

build-tsan/build.ninja:
	@$(call quietly,meson setup build-tsan -Dtests=threads -Db_sanitize=thread)
