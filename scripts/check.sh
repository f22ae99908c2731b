#!/usr/bin/env bash
# check.sh: formatting and the house rules (make check).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

need_packages librocksdb-dev libssl-dev
swift format lint --strict --parallel --recursive Package.swift Sources Tests || die "swift format lint failed"
swift build -c release --build-tests --quiet || die "the build failed"
swift test -c release --skip-build --quiet --filter '^TidyTests\.' || die "a house rule is broken"
echo "Clean"
