#!/usr/bin/env bash
# demo.sh: a cluster of three nodes on this machine, with two funded accounts and a market maker (make run).
#
# Ports and folder: CASTLE_CLIENT_PORT (8081, and the next two), CASTLE_PEER_PORT (9081), CASTLE_ADMIN_PORT (7081),
# CASTLE_DEMO_DIR (data/demo). Everything is kept in the folder; a second run finds it again. CASTLE_BUILD
# names a folder with programs that were built before, CASTLE_GENESIS a genesis file in place of the standard one; it
# must have BTCUSDT and ETHUSDT.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/common.sh

client=${CASTLE_CLIENT_PORT:-8081}
peer=${CASTLE_PEER_PORT:-9081}
admin=${CASTLE_ADMIN_PORT:-7081}
folder=${CASTLE_DEMO_DIR:-data/demo}
bin=${CASTLE_BUILD:-$PWD/.build/release}
genesis=${CASTLE_GENESIS:+$(realpath -- "$CASTLE_GENESIS")}
nodes=(1 2 3)
maker_pid=
stopping=

for port in "$client" "$peer" "$admin"; do
  [[ $port =~ ^[0-9]+$ ]] && ((port > 0 && port <= 65533)) || die "'$port' is not a port from 1 to 65533"
done

# The process id of node $1 if it runs, whoever started it.
node_pid() {
  local pid
  pid=$(cat "$folder/node$1.pid" 2>/dev/null) || return 1
  # /proc names the program without links; .build/release is one.
  [[ $pid =~ ^[0-9]+$ && $(readlink "/proc/$pid/exe") == "$(realpath -- "$bin")/exnode"* ]] || return 1
  echo "$pid"
}

stop_all() {
  local code=$? node pid pids=() left
  [[ -z $stopping ]] || return
  stopping=yes
  trap '' INT TERM
  for node in "${nodes[@]}"; do
    if pid=$(node_pid "$node"); then pids+=("$pid"); fi
  done
  ((${#pids[@]} == 0)) || echo "Stopping"
  [[ -z $maker_pid ]] || kill -TERM "$maker_pid" 2>/dev/null || true
  ((${#pids[@]} == 0)) || kill -TERM "${pids[@]}" 2>/dev/null || true
  for left in {1..80}; do
    kill -0 "${pids[@]}" 2>/dev/null || break
    sleep 0.1
  done
  ((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2>/dev/null || true
  for node in "${nodes[@]}"; do rm -f "$folder/node$node.pid"; done
  wait || true
  exit "$code"
}

check_ports() {
  local node port
  for node in "${nodes[@]}"; do
    if node_pid "$node" >/dev/null; then
      die "node $node of $folder runs already (process $(node_pid "$node")): stop it first"
    fi
  done
  for node in 0 1 2; do
    for port in $((client + node)) $((peer + node)) $((admin + node)); do
      if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        die "port $port is in use; others: CASTLE_CLIENT_PORT, CASTLE_PEER_PORT, CASTLE_ADMIN_PORT"
      fi
    done
  done
}

# A new file of mode 0600 with 64 random hexadecimal digits, unless it is there.
secret_file() {
  [[ -s $1 ]] || (umask 077 && head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$1.new" && mv "$1.new" "$1")
}

# Writes nodeN.sh, which starts node N by itself too, and starts it.
start_node() {
  local node=$1 i=$(($1 - 1)) founding=${genesis:+"--genesis \"$genesis\" "}
  local peers="1=127.0.0.1:$peer,2=127.0.0.1:$((peer + 1)),3=127.0.0.1:$((peer + 2))"
  cat >"$folder/node$node.sh" <<END
#!/bin/sh
# Starts node $node of the demo in place of this shell; its log goes to node$node.log.
echo \$\$ >"$folder/node$node.pid"
exec "$bin/exnode" --id $node --data-dir "$folder/node$node" \\
  --client-listen 127.0.0.1:$((client + i)) --peer-listen 127.0.0.1:$((peer + i)) \\
  --admin-listen 127.0.0.1:$((admin + i)) --peers $peers \\
  --admin-token-file "$folder/admin.token" --cluster-secret-file "$folder/cluster.secret" \\
  $founding\\
  >>"$folder/node$node.log" 2>&1
END
  chmod 700 "$folder/node$node.sh"
  [[ ! -f $folder/node$node.log ]] || mv "$folder/node$node.log" "$folder/node$node.log.1"
  "$folder/node$node.sh" &
  node_pids[node]=$!
}

# Waits until all nodes are ready; ends the demo if one dies first.
wait_ready() {
  local who= code=0
  "$bin/exctl" health --wait 60 >/dev/null 2>"$folder/health.txt" &
  local health=$!
  wait -n -p who "$health" "${node_pids[@]}" || code=$?
  if [[ $who == "$health" ]]; then
    ((code == 0)) || die "the nodes are not ready after 60 s: $(tail -n 1 "$folder/health.txt")"
    rm -f "$folder/health.txt"
    return
  fi
  kill "$health" 2>/dev/null || true
  local node
  for node in "${nodes[@]}"; do
    [[ ${node_pids[node]} != "$who" ]] || die "node $node did not start: $(tail -n 1 "$folder/node$node.log")"
  done
}

# Creates account $1 with further options, unless its key is known; the key goes to $1.json.
account() {
  local name=$1 file=$folder/$1.json
  shift
  [[ ! -s $file ]] || return 0
  (
    umask 077
    "$bin/exctl" account create "$name" "$@" -o json >"$file.new" 2>"$file.error" ||
      "$bin/exctl" key create "$name" -o json >"$file.new" || die "account $name: $(cat "$file.error")"
  ) || exit 1
  mv "$file.new" "$file"
  rm -f "$file.error"
}

# Member $2 of the key of account $1.
member() { sed -n "s/.*\"$2\": \"\([^\"]*\)\".*/\1/p" "$folder/$1.json"; }

fund() { "$bin/exctl" deposit "$1" "$2" "$3" --id "demo-$1-$2" >/dev/null; }

make_market() {
  CASTLE_API_KEY=$(member maker apiKey) CASTLE_SECRET_KEY=$(member maker secretKey) \
    "$bin/exbench" make-market --symbols BTCUSDT,ETHUSDT >"$folder/maker.log" 2>&1 &
  maker_pid=$!
}

write_environment() {
  (
    umask 077
    cat >"$folder/demo.env" <<END
export CASTLE_URLS=$CASTLE_URLS
export CASTLE_API_KEY=$(member demo apiKey)
export CASTLE_SECRET_KEY=$(member demo secretKey)
export CASTLE_ADMIN_URLS=$CASTLE_ADMIN_URLS
export CASTLE_ADMIN_TOKEN_FILE=$CASTLE_ADMIN_TOKEN_FILE
END
  )
}

introduce() {
  local node name short=$folder url="http://127.0.0.1:$client"
  short=${short#"$PWD"/}
  printf '\n%-6s %-24s %-24s %s\n' NODE CLIENTS ADMIN "PROCESS"
  for node in "${nodes[@]}"; do
    printf '%-6s %-24s %-24s %s\n' "$node" "http://127.0.0.1:$((client + node - 1))" \
      "http://127.0.0.1:$((admin + node - 1))" "$(node_pid "$node" || echo -)"
  done
  echo
  for name in demo maker; do
    printf 'account %-6s apiKey    %s\n%14s secretKey %s\n' "$name" "$(member "$name" apiKey)" "" \
      "$(member "$name" secretKey)"
  done
  local python=python3
  [[ ! -x .venv/bin/python3 ]] || python=.venv/bin/python3
  cat <<END

Paste into another terminal (the second needs: pip install ccxt):
  curl '$url/api/v3/depth?symbol=BTCUSDT&limit=5'
  $python -c "import ccxt; x = ccxt.binance({'options': {'fetchMarkets': {'types': ['spot']}}}); x.urls['api'] = {k: '$url' + ('/sapi/v1' if k.startswith('sapi') else '/api/v3') for k in x.urls['api']}; print(x.fetch_ticker('BTC/USDT'))"
  . $short/demo.env && ${bin#"$PWD"/}/exctl status

Ctrl-C stops everything; the data stays in $short.
Castle is ready.
END
}

# Tells what ends, until nobody is left.
watch() {
  local who code node
  while ((${#node_pids[@]} > 0)); do
    who= code=0
    { wait -n -p who || code=$?; } 2>/dev/null  # bash tells of killed jobs by itself, and less clearly
    if [[ $who == "$maker_pid" && -n $who ]]; then
      maker_pid=
      echo "The market maker ended (status $code): $(tail -n 1 "$folder/maker.log")"
    fi
    for node in "${!node_pids[@]}"; do
      [[ ${node_pids[node]} == "$who" ]] || continue
      unset "node_pids[$node]"
      if ((code > 128)); then code="signal $((code - 128))"; else code="status $code"; fi
      echo "Node $node ended ($code). The others go on. Start it again with: ${folder#"$PWD"/}/node$node.sh &"
    done
  done
  die "all nodes have ended; their logs are in $folder"
}

if [[ -z ${CASTLE_BUILD:-} ]]; then
  need_packages librocksdb-dev libssl-dev
  build_products
fi
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
chmod 700 "$folder"
check_ports
node_pids=()
secret_file "$folder/cluster.secret"
secret_file "$folder/admin.token"
[[ -d $folder/node1 || -d $folder/node2 || -d $folder/node3 ]] || rm -f "$folder/demo.json" "$folder/maker.json"
CASTLE_URLS=http://127.0.0.1:$client,http://127.0.0.1:$((client + 1)),http://127.0.0.1:$((client + 2))
CASTLE_ADMIN_URLS=http://127.0.0.1:$admin,http://127.0.0.1:$((admin + 1)),http://127.0.0.1:$((admin + 2))
CASTLE_ADMIN_TOKEN_FILE=$folder/admin.token
export CASTLE_URLS CASTLE_ADMIN_URLS CASTLE_ADMIN_TOKEN_FILE
trap 'exit 0' INT TERM
trap stop_all EXIT

echo "Starting three nodes"
for node in "${nodes[@]}"; do start_node "$node"; done
wait_ready
account demo --permission trade --permission withdraw
account maker --per-10-seconds 2000 --per-day 20000000
fund demo USDT 1000000 && fund demo BTC 10 && fund demo ETH 100
fund maker USDT 100000000 && fund maker BTC 1000 && fund maker ETH 20000
make_market
write_environment
introduce
watch
