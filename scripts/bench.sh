#!/usr/bin/env bash
# bench.sh: the numbers of docs/BENCHMARKS.md on this machine (make bench): load, then leader kills.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

need_packages librocksdb-dev libssl-dev
build_products
.build/release/exbench load --spawn -o json "$@"
.build/release/exbench failover --spawn -o json
