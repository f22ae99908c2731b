#!/usr/bin/env bash
# test.sh: every test, from a clean clone on (make test). With arguments: only these parts (swift,
# sim, cluster, compat).
#
# Products and tests are built once, in release, in one folder. Each suite prints one line; a failing one prints all.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh
. scripts/python.sh

suites=(Tidy Wire Raft Engine Storage Replica Market Gateway Simulator)
parts=("$@")
((${#parts[@]} > 0)) || parts=(swift sim cluster compat)
failed=()

# Runs the rest of the arguments as suite $1, with its output in a file that is shown if it fails.
suite() {
  local name=$1 log=.build/test-logs/$1.log start=$SECONDS
  shift
  if "$@" >"$log" 2>&1; then
    printf '%-14s ok      %4d s  %s\n' "$name" $((SECONDS - start)) "$(summary "$log")"
  else
    printf '%-14s FAILED  %4d s\n' "$name" $((SECONDS - start))
    cat "$log"
    failed+=("$name")
  fi
}

# Runs the Swift tests of one target. A filter that finds no test is a failure, not a success.
swift_suite() {
  swift test -c release --skip-build --quiet --filter "^$1\\." 2>&1 |
    tee ".build/test-logs/$1.raw" || return 1
  grep -qaE 'Test run with [1-9]' ".build/test-logs/$1.raw" || { echo "no test ran" && return 1; }
}

# How many tests a log speaks of.
summary() {
  grep -aoE 'Test run with [0-9]+ tests?|[0-9]+ passed.* in [0-9.]+s|[0-9]+ seeds, [0-9]+ failed' "$1" | tail -n 1 | sed 's/Test run with //' || true
}

build() {
  echo "Building products and tests in release (the first time takes several minutes)"
  mkdir -p .build
  touch "$built_mark.new"
  swift build -c release --build-tests --quiet || die "the build failed"
  mv "$built_mark.new" "$built_mark"
}

need_packages librocksdb-dev libssl-dev python3 python3-venv
build
mkdir -p .build/test-logs
for part in "${parts[@]}"; do
  case $part in
    swift)
      for name in "${suites[@]}"; do
        suite "${name}Tests" swift_suite "${name}Tests"
      done
      suite allocations scripts/allocations.sh
      ;;
    sim) suite sim scripts/sim.sh ci ;;
    cluster | compat)
      need_python
      suite "$part" .venv/bin/python3 -m pytest -q -x --tb=short "Tests/${part^}"
      ;;
    *) die "no such part: $part (swift, sim, cluster, compat)" ;;
  esac
done
((${#failed[@]} == 0)) || die "failed: ${failed[*]}"
echo "All tests passed in $SECONDS s"
