#!/usr/bin/env bash
# bench.sh: the numbers of docs/BENCHMARKS.md on this machine, one JSON object a line (make bench).
#
# PARTS chooses: load, rate, failover, stop, raft, engine, size (these without being asked; some ten minutes);
# steady and repair (a quarter of an hour each); match, which wants ORDERS, a workload that the public referee's
# generator wrote, and PEERS, libraries with its C interface.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

parts=${PARTS:-load rate failover stop raft engine size}
dir=${BENCH_DIR:-data/bench}

part() {
  local store=$dir/size
  case $1 in
    load) .build/release/exbench load --spawn --data-dir "$dir" ;;
    rate) .build/release/exbench load --spawn --data-dir "$dir" --rate 500 ;;
    failover) .build/release/exbench failover --spawn --data-dir "$dir" --kills 30 ;;
    stop) .build/release/exbench failover --spawn --data-dir "$dir" --kills 30 --signal term ;;
    raft) .build/release/exbench raft ;;
    # The first round also pays for memory that the machine has not handed out before.
    engine) .build/release/exbench engine --rounds 3 ;;
    size)
      rm -rf "$store"
      .build/release/exbench size --dir "$store"
      .build/release/exbench size --dir "$store" --start
      rm -rf "$store"
      ;;
    steady) .build/release/exbench steady ;;
    repair) .build/release/exbench repair --spawn --data-dir "$dir" ;;
    match)
      [[ -n ${ORDERS:-} ]] || die "ORDERS names no workload"
      swift build -c release --quiet --product castle-match || die "the build failed"
      # shellcheck disable=SC2086 # PEERS are several.
      .build/release/exbench match --orders "$ORDERS" .build/release/libcastle-match.so ${PEERS:-}
      ;;
    *) die "no such part: $1" ;;
  esac
}

need_packages librocksdb-dev libssl-dev
build_products
mkdir -p "$dir"
for name in $parts; do
  echo "== $name" >&2
  part "$name"
done
