# common.sh: what the scripts share. Sourced by bash scripts, which have changed to the repository's root.

# One line on standard error, then the end.
die() {
  echo "castle: $*" >&2
  exit 1
}

# Installs the Debian packages that are missing among those named, and checks that Swift is there.
need_packages() {
  local missing=() package as_root=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing+=("$package")
  done
  if ((${#missing[@]} > 0)); then
    command -v apt-get >/dev/null || die "missing packages: ${missing[*]} (no apt-get here to install them)"
    if ((EUID != 0)); then
      command -v sudo >/dev/null || die "missing packages: ${missing[*]}; as root: apt-get install ${missing[*]}"
      as_root=(sudo)
    fi
    echo "Installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq || die "apt-get update failed"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null ||
      die "apt-get install ${missing[*]} failed"
  fi
  command -v swift >/dev/null ||
    die "swift is missing: install a Swift 6.3 toolchain (https://www.swift.org/install/linux)"
}

# The time of this file is the start of the last build that made all products.
built_mark=.build/castle-built

# True if the products are there and no source is newer than their build.
is_built() {
  local product
  for product in exnode exctl exbench; do [[ -x .build/release/$product ]] || return 1; done
  [[ -f $built_mark && -z $(find Package.swift Sources -newer "$built_mark" -print -quit) ]]
}

# Builds exnode, exctl and exbench in release, unless they are up to date.
build_products() {
  is_built && return
  echo "Building in release (the first time takes several minutes)"
  local product
  mkdir -p .build
  touch "$built_mark.new"
  for product in exnode exctl exbench; do
    swift build -c release --quiet --product "$product" || die "the build of $product failed"
  done
  mv "$built_mark.new" "$built_mark"
}
