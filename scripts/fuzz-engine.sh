#!/bin/bash
# fuzz-engine.sh [SECONDS] : libFuzzer over the command decoder and apply. Needs only the Swift
# toolchain. Findings and the corpus stay under .build/fuzz. Not part of make test.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
out=.build/fuzz
mkdir -p "$out/corpus"
flags=(-Onone -sanitize=fuzzer,address -swift-version 6 -package-name castle -parse-as-library -I "$out")
build() { # MODULE SOURCE...
  local module=$1
  shift
  swiftc "${flags[@]}" -wmo -module-name "$module" -emit-module -emit-module-path "$out/$module.swiftmodule" \
    -emit-object -o "$out/$module.o" "$@"
}
build Wire $(find Sources/Wire -name '*.swift' | sort)
build Engine $(find Sources/Engine -name '*.swift' | sort)
swiftc "${flags[@]}" -module-name EngineFuzz scripts/fuzz/EngineFuzz.swift "$out/Wire.o" "$out/Engine.o" -o "$out/engine-fuzz"
exec "$out/engine-fuzz" -max_total_time="$seconds" -max_len=8192 -artifact_prefix="$out/" "$out/corpus"
