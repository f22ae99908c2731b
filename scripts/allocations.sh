#!/usr/bin/env bash
# allocations.sh: fails if the engine's steady state asks for memory or counts references more than its bounds say.
#
# Runs `exbench engine` on flow F1 under a library that counts allocations, retains and releases. No command makes any;
# a log entry and a collection of rows make a few, and growing tables some. So with 1,024 commands an entry the bounds
# are far below one in a hundred commands.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh
bound_allocations=${ALLOCATIONS_MAX:-0.005}
bound_references=${REFERENCES_MAX:-0.02}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -O2 -shared -fPIC -o "$work/heapcounter.so" scripts/heapcounter.c -ldl
LD_PRELOAD="$work/heapcounter.so" .build/release/exbench engine --commands 200000 --batch 1024 \
  --rounds 1 >"$work/figures.json"
python3 - "$work/figures.json" "$bound_allocations" "$bound_references" <<'P'
import json, sys
figures = json.load(open(sys.argv[1]))["rounds"][0]
allocations, references = figures["allocationsPerCommand"], figures["referencesPerCommand"]
print(f"allocations {allocations} and retains or releases {references} a command")
sys.exit(allocations > float(sys.argv[2]) or references > float(sys.argv[3]))
P
