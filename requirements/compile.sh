#!/bin/sh
# Locks every dependency with its hashes, and without any index address. Run it after a change of pyproject.toml.
set -eu
cd "$(dirname "$0")/.."
lock() {
  out=$1; shift
  .venv/bin/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header \
    --custom-compile-command "make lock" "$@" pyproject.toml -o "requirements/$out"
}
lock runtime.lock --extra postgresql --extra files
lock sandbox.lock --extra sandbox
lock dev.lock --extra dev
.venv/bin/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header \
  -c requirements/dev.lock requirements/build.in -o requirements/build.lock
for environment in tap target; do
  .venv/bin/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header \
    --custom-compile-command "make lock" "requirements/$environment.in" -o "requirements/$environment.lock"
done
