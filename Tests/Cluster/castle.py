"""castle: starts real nodes for the tests and talks to them as a customer would. Shares no code with the product.

Not here: the promises themselves (the test_ files).
"""

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import random
import secrets
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CASTLE_BUILD", ROOT / ".build" / "release"))


# Below the ports that Linux gives to outgoing connections: of those, one that is free now can be taken before a node
# listens on it. No run hands a port out twice, so that a stopped node finds its own again.
ports_left = iter(range(random.randrange(12_000, 22_000), 32_768))


def free_ports(count):
    """That many free ports of loopback, one after another."""
    run = []
    while len(run) < count:
        port = next(ports_left)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                run.append(port)
            except OSError:
                run = []
    return run


class Refused(Exception):
    """An answer other than 200: status, code and message."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body
        self.code = body.get("code") if isinstance(body, dict) else None
        self.msg = body.get("msg", body.get("error")) if isinstance(body, dict) else None


class Unanswered(Exception):
    """No answer: the outcome is unknown."""


def exchange(port, method, target, body=b"", headers=None, timeout=15):
    """One request on a connection of its own: (status, headers, parsed body)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, target, body=body or None, headers=headers or {})
        response = connection.getresponse()
        raw = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unanswered(str(error)) from error
    finally:
        connection.close()
    try:
        parsed = json.loads(raw) if raw else None
    except ValueError:
        parsed = raw
    return response.status, dict(response.getheaders()), parsed


class Customer:
    """An account with its key."""

    def __init__(self, cluster, name, key, secret, account):
        self.cluster, self.name, self.key, self.account = cluster, name, key, account
        self.secret = secret

    def sign(self, params, timestamp=None, recv_window=5000):
        params = {k: v for k, v in params.items() if v is not None}
        if recv_window is not None:
            params.setdefault("recvWindow", recv_window)
        params["timestamp"] = timestamp or int(time.time() * 1000)
        query = urllib.parse.urlencode(params)
        digest = hmac.new(self.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        return f"{query}&signature={digest}"

    def send(self, method, path, params, node=0, in_body=False, timeout=15):
        return self.send_signed(method, path, self.sign(params), node, in_body, timeout)

    def send_signed(self, method, path, query, node=0, in_body=False, timeout=15):
        """Sends bytes that were signed before; sending them twice sends the same request twice."""
        port = self.cluster.client_ports[node]
        headers = {"X-MBX-APIKEY": self.key}
        target, body = (path, query.encode()) if in_body else (f"{path}?{query}", b"")
        status, _, parsed = exchange(port, method, target, body, headers, timeout)
        if status != 200:
            raise Refused(status, parsed)
        return parsed

    def order(self, symbol, side, kind="LIMIT", node=0, timeout=15, **params):
        if kind == "LIMIT":
            params.setdefault("timeInForce", "GTC")
        params.setdefault("newOrderRespType", "FULL")
        full = {"symbol": symbol, "side": side, "type": kind, **params}
        return self.send("POST", "/api/v3/order", full, node, timeout=timeout)

    def get(self, path, node=0, **params):
        return self.send("GET", path, params, node)

    def cancel(self, symbol, node=0, **params):
        return self.send("DELETE", "/api/v3/order", {"symbol": symbol, **params}, node)

    def balances(self, node=0):
        account = self.get("/api/v3/account", node)
        return {b["asset"]: (b["free"], b["locked"]) for b in account["balances"]}

    def all_pages(self, path, symbol, key, field, node=0):
        found, start = [], 0
        while True:
            page = self.get(path, node, symbol=symbol, limit=1000, **{key: start})
            found += page
            if len(page) < 1000:
                return found
            start = page[-1][field] + 1

    def orders(self, symbol, node=0):
        return self.all_pages("/api/v3/allOrders", symbol, "orderId", "orderId", node)

    def trades(self, symbol, node=0):
        return self.all_pages("/api/v3/myTrades", symbol, "fromId", "id", node)


class KeptConnection:
    """A connection that a customer keeps for many requests, as client libraries do."""

    def __init__(self, customer, node):
        self.customer = customer
        self.inner = http.client.HTTPConnection(
            "127.0.0.1", customer.cluster.client_ports[node], timeout=15)
        self.inner.connect()
        self.closed = False

    def order(self, **params):
        target = f"/api/v3/order?{self.customer.sign(params)}"
        try:
            self.inner.request("POST", target, headers={"X-MBX-APIKEY": self.customer.key})
            response = self.inner.getresponse()
            raw = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unanswered(repr(error)) from error
        # The server has said that this was the last answer.
        if response.will_close:
            self.close()
        body = json.loads(raw)
        if response.status != 200:
            raise Refused(response.status, body)
        return body

    def close(self):
        self.closed = True
        self.inner.close()


# Folders of clusters that ended without a failure; nobody will want to look at them.
ended = set()


class Cluster:
    """Real exnode processes on loopback, in a folder of their own."""

    def __init__(self, nodes=3, folder=None, extra=(), genesis=None):
        self.count = nodes
        self.extra = list(extra)
        self.genesis = genesis
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="castle-", dir=ROOT / ".build"))
        ports = free_ports(3 * nodes)
        self.client_ports, self.peer_ports, self.admin_ports = (
            ports[:nodes], ports[nodes : 2 * nodes], ports[2 * nodes :])
        self.token = secrets.token_hex(16)
        for name, text in [("admin.token", self.token), ("cluster.secret", secrets.token_hex(32))]:
            path = self.folder / name
            path.write_text(text)
            path.chmod(0o600)
        self.first_peers = list(self.peer_ports)
        self.processes = [None] * nodes
        self.variables = lambda node: {}
        self.customers = {}

    def __enter__(self):
        for node in range(self.count):
            self.start(node)
        self.wait_ready()
        return self

    def __exit__(self, kind, value, trace):
        for process in self.processes:
            if process and process.poll() is None:
                process.kill()
                process.wait()
        if kind is None:
            ended.add(self.folder)

    def grow(self):
        """Ports for one more node, which the present ones know nothing of; returns its number, counted from 0."""
        client, peer, admin = free_ports(3)
        self.client_ports.append(client)
        self.peer_ports.append(peer)
        self.admin_ports.append(admin)
        self.processes.append(None)
        self.count += 1
        return self.count - 1

    def arguments(self, node, **changes):
        ports = list(enumerate(self.first_peers))
        if node >= len(ports):
            ports.append((node, self.peer_ports[node]))
        peers = ",".join(f"{i + 1}=127.0.0.1:{p}" for i, p in ports)
        flags = {
            "--id": node + 1,
            "--data-dir": self.folder / f"node{node + 1}",
            "--client-listen": f"127.0.0.1:{self.client_ports[node]}",
            "--peer-listen": f"127.0.0.1:{self.peer_ports[node]}",
            "--admin-listen": f"127.0.0.1:{self.admin_ports[node]}",
            "--peers": peers,
            "--admin-token-file": self.folder / "admin.token",
            "--cluster-secret-file": self.folder / "cluster.secret",
        }
        if self.genesis:
            flags["--genesis"] = self.genesis
        flags.update(changes)
        command = [str(BUILD / "exnode")]
        for flag, value in flags.items():
            if value is not None:
                command += [flag, str(value)]
        return command + self.extra

    def start(self, node, **changes):
        log = open(self.folder / f"node{node + 1}.log", "ab")
        self.processes[node] = subprocess.Popen(
            self.arguments(node, **changes), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={**os.environ, **self.variables(node)})
        log.close()

    @contextlib.contextmanager
    def environment(self, variables):
        """Starts nodes with `variables(node)` added to their environment."""
        self.variables = variables
        yield
        self.variables = lambda node: {}

    def kill(self, node, how=signal.SIGKILL):
        process = self.processes[node]
        process.send_signal(how)
        return process.wait(timeout=20)

    def log(self, node):
        return (self.folder / f"node{node + 1}.log").read_text(errors="replace")

    # -- administration

    def admin(self, method, path, body=None, node=0, timeout=10):
        headers = {"Authorization": f"Bearer {self.token}"}
        raw = json.dumps(body).encode() if body is not None else b""
        status, _, parsed = exchange(self.admin_ports[node], method, path, raw, headers, timeout)
        if status >= 300:
            raise Refused(status, parsed)
        return parsed

    def status(self, node):
        try:
            return self.admin("GET", "/admin/v1/status", node=node, timeout=2)
        except (Unanswered, Refused):
            return None

    def metrics(self, node):
        """Every line of /metrics: its name with labels, and its value."""
        _, _, raw = exchange(self.admin_ports[node], "GET", "/metrics")
        lines = [line for line in raw.decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def alive(self):
        return [i for i, p in enumerate(self.processes) if p and p.poll() is None]

    def wait_ready(self, seconds=30):
        """Until every running node is ready."""
        end = time.time() + seconds
        while time.time() < end:
            states = [self.status(i) for i in self.alive()]
            if states and all(s and s["ready"] for s in states):
                return
            for node, process in enumerate(self.processes):
                if process and process.poll() not in (None, -9, -15, 0):
                    raise AssertionError(f"node {node + 1} ended: {self.log(node)[-2000:]}")
            time.sleep(0.02)
        raise AssertionError(f"not ready: {states}\n{self.log(0)[-3000:]}")

    def leader(self, seconds=30):
        end = time.time() + seconds
        while time.time() < end:
            for node in self.alive():
                state = self.status(node)
                if state and state["role"] == "leader" and state["ready"]:
                    return node
            time.sleep(0.02)
        raise AssertionError("no leader")

    def wait_level(self, seconds=30):
        """Until all running nodes show one applied index; returns their states."""
        end = time.time() + seconds
        while time.time() < end:
            states = [self.status(i) for i in self.alive()]
            if all(s and s["ready"] for s in states):
                if len({s["appliedIndex"] for s in states}) == 1:
                    return states
            time.sleep(0.02)
        raise AssertionError(f"nodes are not level: {states}")

    def check_hashes(self):
        states = self.wait_level()
        assert len({s["stateHash"] for s in states}) == 1, states
        return states[0]

    def customer(self, name, node=0, **funds):
        body = {
            "name": name, "permissions": ["trade"],
            "limits": {"per10Seconds": 1_000_000, "perDay": 100_000_000}}
        made = self.admin("POST", "/admin/v1/accounts", body, node)
        for asset, amount in funds.items():
            self.admin("POST", "/admin/v1/deposits", {
                "account": name, "asset": asset, "amount": str(amount), "id": f"{name}-{asset}"}, node)
        return Customer(self, name, made["apiKey"], made["secretKey"], made["accountId"])

    def public(self, path, node=0):
        status, headers, parsed = exchange(self.client_ports[node], "GET", path)
        if status != 200:
            raise Refused(status, parsed)
        return parsed
