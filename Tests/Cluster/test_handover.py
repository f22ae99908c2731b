"""Leadership moves on purpose: nobody notices. A node that is asked to stop, or to hand over, does so under load without
an error or an unknown outcome at any client; a leader whose disk hangs is replaced.
"""

import os
import shutil
import signal
import threading
import time
import uuid

import pytest

from castle import Cluster, KeptConnection, Refused, Unanswered

FUNDS = {"BTC": 1000, "USDT": 50_000_000}


class Regular(threading.Thread):
    """A customer with a kept connection who moves to another node when his closes between two requests, and counts every
    answer but an order."""

    def __init__(self, customer, node):
        super().__init__(daemon=True)
        self.customer, self.node = customer, node
        self.acknowledged, self.troubles = {}, []
        self.stop, self.error = False, None

    def run(self):
        try:
            self.trade()
        except Exception as error:  # reported by the test
            self.error = error

    def trade(self):
        connection = None
        while not self.stop:
            if connection is None or connection.closed:
                try:
                    connection = KeptConnection(self.customer, self.node)
                except OSError:
                    self.node = (self.node + 1) % self.customer.cluster.count
                    continue
            name = uuid.uuid4().hex
            side = "BUY" if len(self.acknowledged) % 2 else "SELL"
            try:
                order = connection.order(
                    symbol="BTCUSDT", side=side, type="LIMIT", timeInForce="IOC", quantity="0.001",
                    price="60000.00", newClientOrderId=name)
                self.acknowledged[name] = order["orderId"]
            except (Refused, Unanswered) as trouble:
                self.troubles.append(f"node {self.node + 1}: {trouble}")
                connection = None


class Crowd:
    """Regulars on all nodes, while the body runs."""

    def __init__(self, cluster, count=6):
        self.threads = [
            Regular(cluster.customer(f"regular{i}", **FUNDS), i % cluster.count)
            for i in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        time.sleep(0.5)
        return self

    def __exit__(self, kind, value, trace):
        for thread in self.threads:
            thread.stop = True
        for thread in self.threads:
            thread.join(timeout=40)
            assert not thread.is_alive()

    def acknowledged(self):
        return sum(len(t.acknowledged) for t in self.threads)

    def troubles(self):
        return [line for t in self.threads for line in t.troubles]

    def check(self, cluster):
        for thread in self.threads:
            assert thread.error is None, thread.error
        for node in cluster.alive():
            for thread in self.threads:
                found = {o["clientOrderId"]: o["orderId"]
                         for o in thread.customer.orders("BTCUSDT", node)}
                for name, number in thread.acknowledged.items():
                    assert found.get(name) == number, f"node {node + 1} lost order {name}"


@pytest.fixture
def cluster():
    with Cluster(extra=["--request-weight-per-minute", "10000000"]) as running:
        yield running


def test_a_node_that_is_asked_to_stop_leaves_without_a_trace(cluster):
    crowd = Crowd(cluster)
    cluster.wait_level()
    with crowd:
        for turn in range(4):
            leader = cluster.leader()
            node = leader if turn % 2 == 0 else (leader + 1) % 3
            before = crowd.acknowledged()
            assert cluster.kill(node, signal.SIGTERM) == 0, cluster.log(node)[-2000:]
            time.sleep(0.5)
            assert crowd.acknowledged() > before + 50, "the others do not go on"
            cluster.start(node)
            cluster.wait_ready()
    assert crowd.troubles() == []
    cluster.check_hashes()
    crowd.check(cluster)


def test_a_node_stops_though_a_snapshot_takes_for_ever():
    with Cluster(nodes=1) as single:
        # What is opened here never answers.
        hang = single.folder / "node1" / "snapshots" / "00000000000000ff"
        hang.mkdir(parents=True)
        os.mkfifo(hang / "manifest")
        with pytest.raises(Unanswered):
            single.admin("POST", "/admin/v1/snapshots", {}, timeout=2)
        assert single.kill(0, signal.SIGTERM) == 0
        assert "a snapshot that was on its way is left behind" in single.log(0)
        shutil.rmtree(hang)
        single.start(0)
        single.wait_ready()


def test_leadership_moves_when_asked_and_nobody_notices(cluster):
    crowd = Crowd(cluster)
    cluster.wait_level()
    with crowd:
        for _ in range(4):
            leader = cluster.leader()
            cluster.admin("POST", "/admin/v1/leader/transfer", node=leader)
            end = time.time() + 10
            while cluster.leader() == leader:
                assert time.time() < end, "nobody took over"
                time.sleep(0.01)
            time.sleep(0.2)
    assert crowd.troubles() == []
    cluster.check_hashes()
    crowd.check(cluster)


def test_a_leader_whose_disk_hangs_is_replaced():
    cluster = Cluster(extra=["--request-weight-per-minute", "10000000"])
    switches = [cluster.folder / f"hang{i + 1}" for i in range(3)]
    with cluster.environment(lambda i: {"EXNODE_DRILL_DISK_HANG": str(switches[i])}), cluster:
        crowd = Crowd(cluster)
        cluster.wait_level()
        with crowd:
            leader = cluster.leader()
            switches[leader].touch()
            end = time.time() + 20
            while cluster.leader() == leader:
                assert time.time() < end, "a leader with a hanging disk goes on leading"
                time.sleep(0.02)
            before = crowd.acknowledged()
            time.sleep(2)
            assert crowd.acknowledged() > before, "the others do not go on"
            assert cluster.leader() != leader
            switches[leader].unlink()
            cluster.wait_ready()
        cluster.check_hashes()
        crowd.check(cluster)
