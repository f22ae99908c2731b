#!/bin/bash
# fuzz-engine.sh [SECONDS] : libFuzzer over the command decoder and apply. Needs only the Swift
# toolchain. It begins with runs of the kept log of the engine's tests, so that it knows every kind
# of command. Findings and the corpus stay under .build/fuzz. Not part of make test.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
out=.build/fuzz
mkdir -p "$out/corpus"
# One file for every 12 commands of the kept log.
number=0
while read -r stamp hex; do
  case $stamp in '#' | '=') continue ;; esac
  file=$out/corpus/log-$((number / 12))
  ((number % 12 > 0)) || : >"$file"
  printf "$(sed 's/../\\x&/g' <<<"$hex")" >>"$file"
  number=$((number + 1))
done <Tests/EngineTests/Scenarios/replay.log
flags=(-O -sanitize=fuzzer,address -swift-version 6 -package-name castle -parse-as-library -I "$out"
  -I Sources/CMemory/include -I Sources/CWire/include)
build() { # MODULE SOURCE...
  local module=$1
  shift
  swiftc "${flags[@]}" -wmo -module-name "$module" -emit-module -emit-module-path "$out/$module.swiftmodule" \
    -emit-object -o "$out/$module.o" "$@"
}
cc -O2 -c -ISources/CMemory/include Sources/CMemory/cmemory.c -o "$out/CMemory.o"
cc -O2 -c -ISources/CWire/include Sources/CWire/cwire.c -o "$out/CWire.o"
build Wire $(find Sources/Wire -name '*.swift' | sort)
build Engine $(find Sources/Engine -name '*.swift' | sort)
swiftc "${flags[@]}" -module-name EngineFuzz scripts/fuzz/EngineFuzz.swift "$out/Wire.o" "$out/Engine.o" \
  "$out/CMemory.o" "$out/CWire.o" -o "$out/engine-fuzz"
exec "$out/engine-fuzz" -max_total_time="$seconds" -max_len=8192 -artifact_prefix="$out/" "$out/corpus"
