#!/usr/bin/env bash
# sim.sh: the simulator: run (make sim), mutants (make mutants), or ci: a fixed set of seeds
# and some that differ from commit to commit, about a minute of CPU.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

part=${1:-run}
commit=$(git rev-parse --short=8 HEAD 2>/dev/null || echo unknown)
exsim=.build/release/exsim
if [[ $part != ci || ! -x $exsim ]]; then
  need_packages librocksdb-dev libssl-dev
  echo "Building exsim in release (the first time takes several minutes)"
  swift build -c release --quiet --product exsim || die "the build failed"
fi
case $part in
  run) exec "$exsim" run --seeds "${SEEDS:-1000}" --jobs "${JOBS:-2}" --commit "$commit" ;;
  mutants)
    "$exsim" mutants --seeds "${SEEDS:-300}" --jobs "${JOBS:-2}" --commit "$commit" || failed=1
    echo "Building the tests in release (the first time takes several minutes)"
    swift build -c release --build-tests --quiet || die "the build failed"
    # Every bug of every room, by a directed test; each of these fails if its bug survives or never runs.
    mkdir -p .build/test-logs
    log=.build/test-logs/mutants.log
    swift test -c release --skip-build --quiet --filter 'MutantTests|RaftTests.ScenarioTests' \
      >"$log" 2>&1 || failed=1
    grep -aE ' caught by ' "$log" | grep -avE '^[^a-z]' | cut -c1-160 | sort -u || true
    ((${failed:-0} == 0)) || { grep -aE '✘|survived|notices' "$log" || true; die "a planted bug survived"; }
    ;;
  ci)
    "$exsim" run --seeds 300 --jobs "${JOBS:-2}" --commit "$commit"
    # Others with every commit.
    first=$((16#$(printf '%s' "$commit" | tr -cd '0-9a-f' | head -c 7)0 + 1000000))
    exec "$exsim" run --seeds "$first..$((first + 99))" --jobs "${JOBS:-2}" --commit "$commit"
    ;;
  *) die "no such part: $part (run, mutants, ci)" ;;
esac
