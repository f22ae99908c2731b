#!/usr/bin/env bash
# sim.sh: the simulator: run (make sim), mutants (make mutants), or ci: a fixed set of
# seeds and one that differs from commit to commit, together below a minute of CPU.
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
  mutants) exec "$exsim" mutants --seeds "${SEEDS:-1000}" --jobs "${JOBS:-2}" --commit "$commit" ;;
  ci)
    "$exsim" run --seeds 300 --jobs "${JOBS:-2}" --commit "$commit"
    first=$((16#$(printf '%s' "$commit" | tr -cd '0-9a-f' | head -c 7)0 + 1000000))
    exec "$exsim" run --seeds "$first..$((first + 99))" --jobs "${JOBS:-2}" --commit "$commit"
    ;;
  *) die "no such part: $part (run, mutants, ci)" ;;
esac
