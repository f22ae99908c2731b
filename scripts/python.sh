# python.sh: the virtual environment in which the Python tests run. Sourced after common.sh.

# Makes or completes .venv with what Tests/requirements.txt pins.
need_python() {
  local wanted stamp=.venv/requirements.done
  wanted=$(sha256sum Tests/requirements.txt | cut -d ' ' -f 1)
  [[ -f $stamp && $(cat "$stamp") == "$wanted" ]] && return
  echo "Preparing .venv"
  [[ -x .venv/bin/python3 ]] || python3 -m venv .venv || die "python3 -m venv failed"
  .venv/bin/pip install --quiet --disable-pip-version-check -r Tests/requirements.txt ||
    die "pip install failed"
  echo "$wanted" >"$stamp"
}
