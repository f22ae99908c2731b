"""Members change under load: no order is lost, and no client sees more than a moment of waiting."""

import shutil
import time

import pytest

from castle import Cluster
from test_exctl import ok, refused
from test_handover import Crowd


@pytest.fixture
def cluster():
    with Cluster(extra=["--request-weight-per-minute", "10000000"]) as running:
        running.wait_level()
        yield running


def standings(cluster):
    return {m["id"]: m["standing"] for m in ok(cluster, "member", "list")}


def test_a_fourth_node_is_added_and_votes(cluster):
    with Crowd(cluster) as crowd:
        new = cluster.grow()
        cluster.start(new)
        ok(cluster, "member", "add", "4", "--wait", "40")
        assert standings(cluster) == {1: "voter", 2: "voter", 3: "voter", 4: "voter"}
        cluster.wait_ready()
        # With four voters three are needed: it counts.
        victim = next(n for n in range(3) if n != cluster.leader())
        cluster.kill(victim)
        before = crowd.acknowledged()
        time.sleep(2)
        assert crowd.acknowledged() > before + 20
        cluster.start(victim)
        cluster.wait_ready()
    cluster.check_hashes()
    crowd.check(cluster)


def test_a_learner_gets_everything_and_is_promoted_later(cluster):
    with Crowd(cluster) as crowd:
        new = cluster.grow()
        cluster.start(new)
        ok(cluster, "member", "add", "4", "--learner", "--wait", "40")
        assert standings(cluster)[4] == "learner"
        cluster.wait_ready()
        ok(cluster, "member", "promote", "4", "--wait", "40")
        assert standings(cluster)[4] == "voter"
    assert crowd.troubles() == []
    cluster.check_hashes()
    crowd.check(cluster)


def test_the_leader_is_removed_and_another_one_leads(cluster):
    with Crowd(cluster) as crowd:
        leader = cluster.leader()
        ok(cluster, "member", "remove", str(leader + 1), "--wait", "40")
        assert leader + 1 not in standings(cluster)
        before = crowd.acknowledged()
        cluster.kill(leader)
        cluster.processes[leader] = None
        time.sleep(2)
        assert crowd.acknowledged() > before + 20
    cluster.check_hashes()
    crowd.check(cluster)


def test_a_wiped_node_comes_back_as_a_new_one_under_load(cluster):
    with Crowd(cluster) as crowd:
        wiped = (cluster.leader() + 1) % 3
        cluster.kill(wiped)
        cluster.processes[wiped] = None
        shutil.rmtree(cluster.folder / f"node{wiped + 1}")
        new = cluster.grow()
        cluster.start(new)
        ok(cluster, "member", "replace", str(wiped + 1), "--with", "4", "--wait", "40")
        found = standings(cluster)
        assert found[4] == "voter" and wiped + 1 not in found and len(found) == 3
        cluster.wait_ready()
        # Two of three are left, the new one among them.
        victim = next(n for n in cluster.alive() if n not in (new, cluster.leader()))
        cluster.kill(victim)
        before = crowd.acknowledged()
        time.sleep(2)
        assert crowd.acknowledged() > before + 20
        cluster.start(victim)
        cluster.wait_ready()
    cluster.check_hashes()
    crowd.check(cluster)


def test_ids_of_the_gone_are_not_given_again(cluster):
    new = cluster.grow()
    cluster.start(new)
    ok(cluster, "member", "add", "4", "--wait", "40")
    ok(cluster, "member", "remove", "4", "--wait", "40")
    cluster.kill(new)
    shutil.rmtree(cluster.folder / "node4")
    cluster.start(new)
    assert "id" in refused(cluster, "member", "add", "4", "--wait", "10")
    assert standings(cluster) == {1: "voter", 2: "voter", 3: "voter"}
