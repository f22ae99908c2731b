"""The level of behaviour rises on real nodes whose programs are not all as new, and never beyond what one applies."""

import os
import signal
import subprocess
import time

import pytest

from castle import Cluster
from test_exctl import ok, refused
from test_handover import Crowd

OLD = {"EXNODE_DRILL_NEWEST_LEVEL": "2"}


class Fleet:
    """A cluster, and which of its nodes are started as an older program."""

    def __init__(self):
        self.cluster = Cluster(extra=["--request-weight-per-minute", "10000000"])
        self.old = {0, 1, 2}

    def variables(self, node):
        return OLD if node in self.old else {}

    def renew(self, node, how=signal.SIGTERM):
        """The node ends, and begins again with the newer program."""
        self.cluster.kill(node, how)
        self.old.discard(node)
        self.cluster.start(node)
        self.cluster.wait_ready()

    def levels(self):
        """As each node shows it."""
        return [
            self.cluster.admin("GET", "/admin/v1/settings", node=node)["level"]
            for node in self.cluster.alive()]


@pytest.fixture
def fleet():
    """Founded by three nodes of the older program."""
    fleet = Fleet()
    with fleet.cluster.environment(fleet.variables), fleet.cluster:
        yield fleet


def raised(fleet):
    """All with the newer program, and at its level."""
    for node in range(3):
        fleet.renew(node)
    assert ok(fleet.cluster, "settings", "level", "3")["level"] == 3


def test_a_level_waits_for_the_last_old_program_and_outlives_the_leader(fleet):
    cluster = fleet.cluster
    assert fleet.levels() == [2, 2, 2]
    assert [node["newestLevel"] for node in ok(cluster, "status")] == [2, 2, 2]
    with Crowd(cluster) as crowd:
        last = cluster.leader()
        for node in {0, 1, 2} - {last}:
            fleet.renew(node)
        assert sorted(node["newestLevel"] for node in ok(cluster, "status")) == [2, 3, 3]
        # exctl asks first; the leader knows by itself, whoever leads.
        said = refused(cluster, "settings", "level", "3")
        assert f"node {last + 1} does not know level 3" in said
        said = refused(cluster, "settings", "level", "3", "--force")
        assert f"level 3 is refused: node {last + 1}" in said and "applies levels 1 to 2" in said
        ok(cluster, "leader", "transfer", "--to", str((last + 1) % 3 + 1))
        while cluster.leader() == last:
            time.sleep(0.05)
        said = refused(cluster, "settings", "level", "3", "--force")
        assert f"level 3 is refused: node {last + 1} applies levels 1 to 2" in said
        assert fleet.levels() == [2, 2, 2]

        fleet.renew(last, signal.SIGKILL)
        assert ok(cluster, "settings", "level", "3")["level"] == 3
        assert fleet.levels() == [3, 3, 3]
        leader = cluster.leader()
        cluster.kill(leader)
        cluster.leader()
        cluster.wait_ready()
        assert fleet.levels() == [3, 3]
        cluster.start(leader)
        cluster.wait_ready()
        assert fleet.levels() == [3, 3, 3]
        assert "only be raised" in refused(cluster, "settings", "level", "2")
    cluster.check_hashes()
    crowd.check(cluster)


def test_an_older_program_refuses_a_state_of_a_newer_level(fleet):
    cluster = fleet.cluster
    raised(fleet)
    node = (cluster.leader() + 1) % 3
    # It writes its state out as it stops.
    cluster.kill(node, signal.SIGTERM)
    done = subprocess.run(
        cluster.arguments(node), env={**os.environ, **OLD}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=20)
    lines = (done.stderr + done.stdout).strip().splitlines()
    assert done.returncode == 1 and len(lines) == 1, lines
    assert "the state of this node is at level 3, and this program applies levels up to 2" in lines[0]
    # Nothing of it was thrown away.
    cluster.start(node)
    cluster.wait_ready()
    assert "at level 3" not in cluster.log(node)
    assert fleet.levels() == [3, 3, 3]
    cluster.check_hashes()


def test_an_older_program_halts_at_a_newer_level_in_its_log(fleet):
    cluster = fleet.cluster
    raised(fleet)
    node = (cluster.leader() + 1) % 3
    # What it has in memory is lost: the level is in its log alone.
    cluster.kill(node)
    fleet.old.add(node)
    cluster.start(node)
    end = time.time() + 30
    while True:
        state = cluster.status(node)
        if state and "apply halted" in state["reason"]:
            break
        assert time.time() < end, state
        time.sleep(0.05)
    assert "raises the level to 3, and this program applies levels up to 2" in state["reason"]
    assert not state["ready"]
    # The others go on, and nobody takes its state for wrong.
    cluster.admin("POST", "/admin/v1/accounts", {"name": "later", "permissions": []}, node=cluster.leader())
    assert cluster.metrics(node)["castle_ready"] == 0
    fleet.renew(node)
    assert fleet.levels() == [3, 3, 3]
    cluster.check_hashes()
