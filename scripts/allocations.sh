#!/usr/bin/env bash
# allocations.sh: fails if the engine's steady state asks for memory or counts references more than its bounds say.
#
# Runs `exbench engine` on flow F1 under a library that counts allocations, retains and releases; the bounds are per
# command and leave room for the growth of tables (the book grows all through the flow) and for a few per log entry.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh
bound_allocations=${ALLOCATIONS_MAX:-0.05}
bound_references=${REFERENCES_MAX:-0.25}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -O2 -shared -fPIC -o "$work/heapcounter.so" scripts/heapcounter.c -ldl
LD_PRELOAD="$work/heapcounter.so" .build/release/exbench engine --commands 500000 --rounds 1 >"$work/figures.json"
python3 - "$work/figures.json" "$bound_allocations" "$bound_references" <<'P'
import json, sys
figures = json.load(open(sys.argv[1]))["rounds"][0]
allocations, references = figures["allocationsPerCommand"], figures["referencesPerCommand"]
print(f"allocations {allocations} and retains or releases {references} a command")
sys.exit(allocations > float(sys.argv[2]) or references > float(sys.argv[3]))
P
