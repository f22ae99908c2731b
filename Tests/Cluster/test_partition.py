"""Who leads, and what nobody may notice: preferred nodes, leaders that stand still, and nodes that cannot hear each other.

A cut is made by a drill: a node drops every message of the peers whose numbers stand in a file.
"""

import contextlib
import signal
import threading
import time

import pytest

from castle import Cluster, Refused, Unanswered
from test_handover import FUNDS, Crowd

LIMITS = ["--request-weight-per-minute", "10000000"]


@contextlib.contextmanager
def with_priorities(*priorities, running=None):
    cluster = Cluster(extra=LIMITS)
    cluster.start = lambda node, start=cluster.start: start(
        node, **{"--priority": priorities[node]})
    try:
        for node in range(3):
            cluster.start(node)
        cluster.wait_ready()
        yield cluster
    finally:
        cluster.__exit__(None, None, None)


def until(seconds, what, check):
    end = time.time() + seconds
    while time.time() < end:
        if check():
            return
        time.sleep(0.05)
    raise AssertionError(what)


def test_the_preferred_node_leads_again_when_it_is_back():
    with with_priorities(100, 200, 100) as cluster:
        until(20, "the preferred node does not lead", lambda: cluster.leader() == 1)
        with Crowd(cluster) as crowd:
            cluster.kill(1)
            assert cluster.leader() != 1
            before = crowd.acknowledged()
            time.sleep(0.5)
            assert crowd.acknowledged() > before
            cluster.start(1)
            until(30, "the preferred node does not lead again", lambda: cluster.leader() == 1)
            cluster.wait_ready()
        cluster.check_hashes()
        crowd.check(cluster)


def test_two_nodes_of_low_priority_elect_one_of_them():
    with with_priorities(255, 0, 0) as cluster:
        until(20, "the preferred node does not lead", lambda: cluster.leader() == 0)
        with Crowd(cluster) as crowd:
            cluster.kill(0)
            assert cluster.leader() in (1, 2)
            before = crowd.acknowledged()
            time.sleep(1)
            assert crowd.acknowledged() > before
            cluster.start(0)
            cluster.wait_ready()
        cluster.check_hashes()
        crowd.check(cluster)


class Witness(threading.Thread):
    """Writes through some nodes and reads through one, one after the other: a read that shows less than was acknowledged
    before it began is stale."""

    def __init__(self, cluster, writers, reader):
        super().__init__(daemon=True)
        self.cluster, self.writers, self.reader = cluster, writers, reader
        self.customer = cluster.customer(f"witness{reader}", **FUNDS)
        self.acknowledged, self.reads, self.stale = 0, 0, []
        self.stop, self.error = False, None

    def run(self):
        try:
            while not self.stop:
                self.write()
                self.read()
        except Exception as error:  # reported by the test
            self.error = error

    def write(self):
        try:
            order = self.customer.order(
                "BTCUSDT", "BUY", node=self.writers[0], timeout=3, quantity="0.001",
                price="20000.00", newOrderRespType="ACK")
            self.acknowledged = max(self.acknowledged, order["orderId"])
        except (Refused, Unanswered):
            self.writers.append(self.writers.pop(0))

    def read(self):
        known = self.acknowledged
        try:
            query = self.customer.sign({"symbol": "BTCUSDT", "limit": 5})
            found = self.customer.send_signed(
                "GET", "/api/v3/allOrders", query, node=self.reader, timeout=2)
        except (Refused, Unanswered):
            return
        self.reads += 1
        newest = max((o["orderId"] for o in found), default=0)
        if newest < known:
            self.stale.append((known, newest))

    def end(self):
        self.stop = True
        self.join(timeout=30)
        assert not self.is_alive()
        assert self.error is None, self.error
        assert self.stale == [], "a read went back in time"


def test_a_leader_that_stands_still_is_replaced_and_serves_nothing_old_afterwards():
    with Cluster(extra=LIMITS) as cluster:
        cluster.wait_level()
        told = set()
        for _ in range(2):
            leader = cluster.leader()
            # Whoever led before leads no more, so this is another one.
            assert leader not in told
            told.add(leader)
            others = [n for n in range(3) if n != leader]
            witness = Witness(cluster, list(others), leader)
            witness.start()
            until(10, "nothing is read", lambda: witness.reads > 5)
            process = cluster.processes[leader]
            cluster.processes[leader] = None
            process.send_signal(signal.SIGSTOP)
            try:
                assert cluster.leader() in others
                until(20, "the others do not go on", lambda w=witness.acknowledged:
                      witness.acknowledged > w + 3)
            finally:
                process.send_signal(signal.SIGCONT)
                cluster.processes[leader] = process
            before = witness.reads
            until(20, "the old leader serves no more", lambda: witness.reads > before + 5)
            cluster.wait_ready()
            witness.end()
            assert cluster.leader() != leader
            assert any("role follower" in line for line in cluster.log(leader).splitlines()[-3:])
        cluster.check_hashes()


def test_no_order_is_lost_when_a_leader_stands_still_under_load():
    with Cluster(extra=LIMITS) as cluster:
        cluster.wait_level()
        with Crowd(cluster) as crowd:
            for _ in range(3):
                leader = cluster.leader()
                process = cluster.processes[leader]
                process.send_signal(signal.SIGSTOP)
                cluster.processes[leader] = None
                try:
                    assert cluster.leader() != leader
                    before = crowd.acknowledged()
                    until(20, "the others do not go on", lambda b=before: crowd.acknowledged() > b)
                finally:
                    process.send_signal(signal.SIGCONT)
                    cluster.processes[leader] = process
                cluster.wait_ready()
        cluster.check_hashes()
        crowd.check(cluster)


class Cuts:
    """Who does not hear whom."""

    def __init__(self, cluster):
        self.files = [cluster.folder / f"deaf{i + 1}" for i in range(3)]

    def variables(self, node):
        return {"EXNODE_DRILL_DEAF": str(self.files[node])}

    def cut(self, node, *others):
        """`node` hears nothing of `others`."""
        ready = self.files[node].with_suffix(".new")
        ready.write_text(" ".join(str(o + 1) for o in others))
        ready.rename(self.files[node])

    def heal(self):
        for file in self.files:
            file.unlink(missing_ok=True)


@pytest.fixture
def cut_cluster():
    cluster = Cluster(extra=LIMITS)
    cuts = Cuts(cluster)
    with cluster.environment(cuts.variables), cluster:
        cluster.wait_level()
        yield cluster, cuts


def leader_among(cluster, nodes, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        for node in nodes:
            state = cluster.status(node)
            if state and state["role"] == "leader" and state["ready"]:
                return node
        time.sleep(0.02)
    raise AssertionError("no leader on this side")


def test_a_leader_that_is_cut_off_steps_down_and_the_others_go_on(cut_cluster):
    cluster, cuts = cut_cluster
    leader = cluster.leader()
    others = [n for n in range(3) if n != leader]
    witness = Witness(cluster, list(others), leader)
    with Crowd(cluster, 4) as crowd:
        witness.start()
        until(10, "nothing is read", lambda: witness.reads > 5)
        cuts.cut(leader, *others)
        for other in others:
            cuts.cut(other, leader)
        leader_among(cluster, others)
        until(20, "the old leader goes on leading",
              lambda: cluster.status(leader)["role"] != "leader")
        # What was read on its way down is old for nobody; now it serves nobody.
        time.sleep(0.2)
        before = witness.reads
        acknowledged = witness.acknowledged
        until(20, "the others do not go on", lambda: witness.acknowledged > acknowledged + 3)
        assert witness.reads == before, "a node without a quorum answers reads"
        assert not cluster.status(leader)["ready"]
        cuts.heal()
        cluster.wait_ready()
        until(20, "it serves no more", lambda: witness.reads > before + 5)
    witness.end()
    cluster.check_hashes()
    crowd.check(cluster)


def test_two_followers_that_do_not_hear_each_other_disturb_nobody(cut_cluster):
    cluster, cuts = cut_cluster
    leader = cluster.leader()
    a, b = [n for n in range(3) if n != leader]
    term = cluster.status(leader)["term"]
    with Crowd(cluster) as crowd:
        cuts.cut(a, b)
        cuts.cut(b, a)
        before = crowd.acknowledged()
        time.sleep(2)
        assert crowd.acknowledged() > before + 20
        assert cluster.status(leader)["role"] == "leader"
        assert cluster.status(leader)["term"] == term
        cuts.heal()
    assert crowd.troubles() == []
    cluster.check_hashes()
    crowd.check(cluster)


def test_a_leader_that_hears_nobody_gives_up(cut_cluster):
    """One direction only: its heartbeats arrive, the answers do not."""
    cluster, cuts = cut_cluster
    leader = cluster.leader()
    others = [n for n in range(3) if n != leader]
    with Crowd(cluster) as crowd:
        cuts.cut(leader, *others)
        leader_among(cluster, others)
        before = crowd.acknowledged()
        until(20, "nothing goes on", lambda: crowd.acknowledged() > before + 20)
        cuts.heal()
        cluster.wait_ready()
    cluster.check_hashes()
    crowd.check(cluster)
