"""The promise about full disks: the process ends, nothing false is acknowledged, and the others go on.

Each node gets a small file system of its own (tmpfs, which takes root). One of them is filled to the last byte while
customers trade.
"""

import collections
import os
import signal
import subprocess
import threading
import time
import uuid

import pytest

from castle import Cluster, Refused, Unanswered

SIZE = 96 << 20
THREADS = 8
FUNDS = {"BTC": 1000, "USDT": 50_000_000}


class Disks:
    """A small file system under the data directory of each node."""

    def __init__(self, cluster, size=SIZE):
        self.size = size
        self.paths = [cluster.folder / f"node{i + 1}" for i in range(cluster.count)]
        self.mounted = []

    def __enter__(self):
        try:
            for path in self.paths:
                path.mkdir(mode=0o700)
                done = subprocess.run(
                    ["mount", "-t", "tmpfs", "-o", f"size={self.size},mode=0700", "castle", path],
                    capture_output=True, text=True)
                if done.returncode:
                    pytest.skip(f"mounting a tmpfs is not permitted here: {done.stderr.strip()}")
                self.mounted.append(path)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for path in self.mounted:
            if subprocess.run(["umount", path], capture_output=True).returncode:
                subprocess.run(["umount", "--lazy", path], check=True)
        self.mounted = []

    def filler(self, node):
        return self.paths[node] / "filler"

    def free(self, node):
        status = os.statvfs(self.paths[node])
        return status.f_bavail * status.f_frsize

    def fill(self, node, leaving=0):
        """To the last byte, or to `leaving` bytes."""
        with open(self.filler(node), "wb", buffering=0) as file:
            try:
                while self.free(node) > leaving and file.write(bytes(1 << 20)):
                    pass
            except OSError:
                pass
        assert self.free(node) <= leaving


class Trader(threading.Thread):
    """Sends orders that trade or expire at once, to all nodes that answer in turn."""

    def __init__(self, customer, number):
        super().__init__(daemon=True)
        self.customer, self.node, self.number = customer, number % 3, number
        self.acknowledged, self.unknown = {}, set()
        self.stop, self.error = False, None

    def run(self):
        try:
            while not self.stop:
                self.one()
        except Exception as error:  # reported by the test
            self.error = error

    def one(self):
        name = uuid.uuid4().hex
        side = "BUY" if (self.number + len(self.acknowledged)) % 2 else "SELL"
        try:
            order = self.customer.order(
                "BTCUSDT", side, node=self.node, timeInForce="IOC", quantity="0.001",
                price="60000.00", newClientOrderId=name, newOrderRespType="ACK")
        except (Unanswered, Refused) as failure:
            assert isinstance(failure, Unanswered) or failure.status >= 500, failure
            self.unknown.add(name)
            self.node = (self.node + 1) % 3
            time.sleep(0.01)
            return
        self.acknowledged[name] = order["orderId"]


def prove(cluster, traders, node):
    """Every acknowledged order is there exactly once, and nothing is there that nobody sent."""
    for trader in traders:
        orders = trader.customer.orders("BTCUSDT", node)
        names = collections.Counter(o["clientOrderId"] for o in orders)
        assert all(count == 1 for count in names.values()), "an order exists twice"
        found = {o["clientOrderId"]: o["orderId"] for o in orders}
        for name, number in trader.acknowledged.items():
            assert found.get(name) == number, f"node {node + 1} lost the acknowledged order {name}"
        assert found.keys() <= trader.acknowledged.keys() | trader.unknown


def end_of(cluster, node, seconds):
    try:
        code = cluster.processes[node].wait(timeout=seconds)
        cluster.processes[node] = None
        return code
    except subprocess.TimeoutExpired:
        raise AssertionError(f"node {node + 1} still runs: {cluster.log(node)[-2000:]}") from None


def check_last_words(cluster, node):
    lines = cluster.log(node).splitlines()
    ends = [line for line in lines if " critical " in line]
    assert len(ends) == 1 and lines[-1] == ends[0], lines[-5:]
    assert "No space left on device" in ends[0] and ends[0].endswith("; this node stops")


@pytest.mark.parametrize("role", ["follower", "leader"])
def test_a_full_disk_ends_the_node_and_loses_nothing(role):
    cluster = Cluster(
        extra=["--request-weight-per-minute", "1000000", "--low-space-mib", "0"])
    with Disks(cluster) as disks, cluster:
        traders = [Trader(cluster.customer(f"trader{i}", **FUNDS), i) for i in range(THREADS)]
        cluster.wait_level()
        leader = cluster.leader()
        full = leader if role == "leader" else (leader + 1) % 3
        others = [node for node in range(3) if node != full]
        disks.fill(full)
        for trader in traders:
            trader.start()
        try:
            assert end_of(cluster, full, seconds=120) == 74, cluster.log(full)[-2000:]
            before = [len(t.acknowledged) for t in traders]
            cluster.wait_ready()
            time.sleep(2)
        finally:
            for trader in traders:
                trader.stop = True
        for trader in traders:
            trader.join(timeout=40)
            assert trader.error is None, trader.error
            assert not trader.is_alive()
        after = [len(t.acknowledged) for t in traders]
        assert sum(after) - sum(before) > 20, "the others do not go on"

        check_last_words(cluster, full)
        warnings = [line for line in cluster.log(full).splitlines() if "free some space" in line]
        assert len(warnings) == 1, "it goes on while its present segment has room, and says so once"

        cluster.check_hashes()
        for node in others:
            prove(cluster, traders, node)

        disks.filler(full).unlink()
        cluster.start(full)
        cluster.wait_ready()
        cluster.check_hashes()
        prove(cluster, traders, full)


def test_a_state_store_that_cannot_be_written_ends_the_node_and_loses_nothing():
    cluster = Cluster(extra=["--low-space-mib", "0"])
    with Disks(cluster) as disks, cluster:
        trader = Trader(cluster.customer("trader", **FUNDS), 0)
        cluster.wait_level()
        full = (cluster.leader() + 1) % 3
        for _ in range(50):
            trader.one()
        disks.fill(full)
        # A stop writes the state out.
        cluster.processes[full].send_signal(signal.SIGTERM)
        assert end_of(cluster, full, seconds=20) == 74, cluster.log(full)[-2000:]
        check_last_words(cluster, full)
        cluster.start(full)
        assert end_of(cluster, full, seconds=20) == 1
        assert "No space left on device" in cluster.log(full).splitlines()[-1]
        for _ in range(50):
            trader.one()
        disks.filler(full).unlink()
        cluster.start(full)
        cluster.wait_ready()
        cluster.check_hashes()
        assert len(trader.acknowledged) > 80
        for node in range(3):
            prove(cluster, [trader], node)


def refusal(customer, node):
    try:
        customer.order(
            "BTCUSDT", "BUY", node=node, timeInForce="IOC", quantity="0.001", price="60000.00")
    except Refused as refused:
        return refused
    return None


def until(seconds, what, check):
    end = time.time() + seconds
    while time.time() < end:
        if check():
            return
        time.sleep(0.05)
    raise AssertionError(what)


def test_a_leader_with_little_space_hands_over():
    cluster = Cluster(extra=["--low-space-mib", "24"])
    with Disks(cluster) as disks, cluster:
        customer = cluster.customer("trader", **FUNDS)
        cluster.wait_level()
        leader = cluster.leader()
        disks.fill(leader, leaving=20 << 20)
        until(10, "it goes on leading", lambda: cluster.leader() != leader)
        for node in range(3):
            if node != leader:
                assert refusal(customer, node) is None
        assert cluster.metrics(leader)["castle_low_space"] == 1
        assert "low disk space" in cluster.log(leader)


def test_little_space_everywhere_refuses_writes_and_serves_reads_until_there_is_more():
    cluster = Cluster(extra=["--low-space-mib", "24"])
    with Disks(cluster) as disks, cluster:
        customer = cluster.customer("trader", **FUNDS)
        assert refusal(customer, 0) is None
        cluster.wait_level()
        for node in range(3):
            disks.fill(node, leaving=20 << 20)
        for node in range(3):
            until(10, f"node {node + 1} takes writes", lambda: refusal(customer, node))
            refused = refusal(customer, node)
            assert refused.status == 503 and refused.code == -1008 and "disk space" in refused.msg
            assert customer.balances(node)["BTC"]
            assert cluster.public("/api/v3/depth?symbol=BTCUSDT", node)
        for node in range(3):
            disks.filler(node).unlink()
        for node in range(3):
            until(5, f"node {node + 1} still refuses", lambda: refusal(customer, node) is None)
        cluster.check_hashes()


def test_a_damaged_log_on_a_full_disk_is_repaired_in_the_room_of_the_reserve():
    cluster = Cluster()
    # The reserve is 64 MiB, and taken where four times as much is free.
    with Disks(cluster, 384 << 20) as disks, cluster:
        customer = cluster.customer("trader", **FUNDS)
        for _ in range(20):
            assert refusal(customer, 0) is None
        cluster.wait_level()
        node = (cluster.leader() + 1) % 3
        reserve = disks.paths[node] / "reserve"
        assert reserve.exists()
        cluster.kill(node)
        log = min((disks.paths[node] / "log").glob("*.segment"))
        raw = bytearray(log.read_bytes())
        raw[3 * 4096 + 300] ^= 1
        with open(log, "r+b") as file:
            file.write(raw)
        disks.fill(node, leaving=8 << 20)
        cluster.start(node)
        until(20, f"it does not start: {cluster.log(node)[-500:]}", lambda: cluster.status(node))
        assert "the log is damaged" in cluster.log(node)
        assert not reserve.exists()
        disks.filler(node).unlink()
        cluster.check_hashes()
