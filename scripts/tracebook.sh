#!/bin/bash
# tracebook.sh [TRACES] [SEED] : runs tracebook-conformance (a public referee, not part of this
# repository: pip install tracebook-conformance==0.6.0) against the engine, first its fixed cases,
# then a campaign of TRACES random sequences of 50 events in profile fifo-full-v1. Ends with 0 if
# nothing differs. TRACEBOOK names the program if it is not on the path. Not part of make test.
set -euo pipefail
cd "$(dirname "$0")/.."
traces=${1:-10000}
seed=${2:-1}
tracebook=${TRACEBOOK:-tracebook-conformance}
command -v "$tracebook" >/dev/null || { echo "no $tracebook: pip install tracebook-conformance==0.6.0" >&2; exit 2; }
out=.build/tracebook
mkdir -p "$out"
flags=(-O -wmo -swift-version 6 -package-name castle -I "$out" -I Sources/CMemory/include -I Sources/CWire/include)
build() { # MODULE SOURCE...
  local module=$1
  shift
  swiftc "${flags[@]}" -parse-as-library -module-name "$module" -emit-module \
    -emit-module-path "$out/$module.swiftmodule" -emit-object -o "$out/$module.o" "$@"
}
cc -O2 -c -ISources/CMemory/include Sources/CMemory/cmemory.c -o "$out/CMemory.o"
cc -O2 -c -ISources/CWire/include Sources/CWire/cwire.c -o "$out/CWire.o"
build Wire $(find Sources/Wire -name '*.swift' | sort)
build Engine $(find Sources/Engine -name '*.swift' | sort)
swiftc "${flags[@]}" -static-stdlib -module-name Tracebook scripts/tracebook/*.swift \
  "$out/Wire.o" "$out/Engine.o" "$out/CMemory.o" "$out/CWire.o" -o "$out/adapter"
rm -rf "$out/results" "$out/suite"
"$tracebook" sample "$out/suite" --suite-version v2 >/dev/null
# Pro-rata allocation is no rule of this engine.
for case in fifo-lifecycle order-instructions multi-symbol tick-grid deep-cancellation \
  stp-cancel-incoming stp-cancel-resting stp-cancel-resting-deep; do
  policy=NONE
  case $case in
    stp-cancel-incoming) policy=CANCEL_INCOMING ;;
    stp-cancel-resting*) policy=CANCEL_RESTING ;;
  esac
  "$tracebook" run "$out/suite/$case.jsonl" --self-trade-policy "$policy" \
    --candidate "$out/adapter" >"$out/$case.txt" 2>&1 || { cat "$out/$case.txt"; exit 1; }
  echo "$case: no difference"
done
# A planted bug must be seen.
if "$tracebook" run "$out/suite/order-instructions.jsonl" --candidate "$out/adapter" fokPartial \
  >"$out/planted.txt" 2>&1; then
  echo "the referee saw no planted bug" >&2
  exit 1
fi
grep -q 'order-instructions\|ivergence' "$out/planted.txt" || { cat "$out/planted.txt"; exit 1; }
echo "a planted bug: seen"
"$tracebook" campaign --profile fifo-full-v1 --seed "$seed" --traces "$traces" \
  --events-per-trace 50 --output-dir "$out/results" --candidate "$out/adapter"
