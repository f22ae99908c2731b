"""Operators change the members of a running cluster, and look at them."""

import shutil
import subprocess
import time

import pytest

from castle import Cluster
from test_exctl import DONE, FAILED, exctl, ok, refused


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as running:
        running.wait_level()
        yield running


def test_members_are_listed(cluster):
    members = ok(cluster, "member", "list")
    assert [m["id"] for m in members] == [1, 2, 3]
    assert {m["standing"] for m in members} == {"voter"}
    assert [m["address"] for m in members] == [f"127.0.0.1:{p}" for p in cluster.peer_ports]
    code, table, _ = exctl(cluster, "member", "list")
    assert code == DONE and len(table.splitlines()) == 4


def test_leadership_is_moved(cluster):
    old = ok(cluster, "leader")["id"]
    new = ok(cluster, "leader", "transfer")["id"]
    assert new != old and ok(cluster, "leader", "show")["id"] == new
    cluster.wait_ready()


def test_metrics_speak_of_syncs_commits_and_peers(cluster):
    someone = cluster.customer("someone", USDT=1)
    leader = cluster.leader()
    before = cluster.metrics(leader)["castle_read_rounds"]
    someone.balances(leader)
    end = time.time() + 5
    while cluster.metrics(leader)["castle_read_rounds"] <= before:
        assert time.time() < end, "a read asks for an index"
        time.sleep(0.02)
    lines = cluster.metrics(leader)
    for name in ["log_sync_seconds", "commit_seconds", "apply_seconds", "log_group_entries"]:
        assert lines[f"castle_{name}_count"] > 0, name
        assert lines[f'castle_{name}_bucket{{le="+Inf"}}'] == lines[f"castle_{name}_count"]
    assert lines['castle_role{role="leader"}'] == 1
    for peer in {1, 2, 3} - {leader + 1}:
        assert lines[f'castle_peer_match_lag{{peer="{peer}"}}'] < 100
        assert lines[f'castle_peer_connected{{peer="{peer}"}}'] == 1
    assert lines["castle_free_bytes"] > 1 << 20
    assert lines["castle_low_space"] == 0 and lines["castle_priority"] == 100


def test_leadership_moves_to_the_chosen_node(cluster):
    old = ok(cluster, "leader")["id"]
    for wanted in {1, 2, 3} - {old}:
        assert ok(cluster, "leader", "transfer", "--to", str(wanted))["id"] == wanted
    assert "9" in refused(cluster, "leader", "transfer", "--to", "9")


def test_all_nodes_are_compared_at_one_index(cluster):
    cluster.wait_ready()
    found = ok(cluster, "verify")
    assert found["equal"] is True and len(found["hashes"]) == 3
    assert len({h["stateHash"] for h in found["hashes"]}) == 1
    code, table, _ = exctl(cluster, "verify")
    assert code == DONE and len(table.splitlines()) == 4


def test_a_change_that_makes_no_sense_is_refused(cluster):
    assert "not a member" in refused(cluster, "member", "remove", "9", "--wait", "1")
    assert "already" in refused(cluster, "member", "add", "2", "--wait", "1")
    assert "already" in refused(cluster, "member", "promote", "1", "--wait", "1")
    assert "heard" in refused(cluster, "member", "add", "9", "--wait", "1")
    assert "heard" in refused(cluster, "member", "replace", "1", "--with", "9", "--wait", "1")
    assert [m["id"] for m in ok(cluster, "member", "list")] == [1, 2, 3]


def members(cluster):
    return [(m["id"], m["standing"]) for m in ok(cluster, "member", "list")]


def test_the_last_voter_stays():
    with Cluster(nodes=1) as single:
        before = members(single)
        assert "last voter" in refused(single, "member", "remove", "1", "--wait", "1")
        assert members(single) == before


@pytest.fixture
def growing():
    """Three nodes, and two more that wait outside; log writes of the fourth hang while its switch is there."""
    cluster = Cluster()
    switch = cluster.folder / "hang4"

    def variables(node):
        return {"EXNODE_DRILL_DISK_HANG": str(switch)} if node == 3 else {}

    with cluster.environment(variables), cluster:
        cluster.wait_level()
        yield cluster, switch


def test_a_node_that_says_it_listens_where_another_one_does_is_refused(growing):
    cluster, _ = growing
    before = members(cluster)
    new = cluster.grow()
    leader = cluster.leader()
    victim = (leader + 1) % 3
    # The one whose address it takes is left out: --peers takes no address twice.
    peers = [f"{n + 1}=127.0.0.1:{cluster.peer_ports[n]}" for n in range(3) if n != victim]
    peers.append(f"4=127.0.0.1:{cluster.peer_ports[victim]}")
    cluster.start(new, **{"--peers": ",".join(peers)})
    for request in (["add", "4"], ["replace", str(leader + 1), "--with", "4"]):
        said = refused(cluster, "member", *request, "--wait", "10")
        assert f"node {victim + 1} has the address" in said, said
    cluster.kill(new)
    assert members(cluster) == before
    cluster.start(new)
    end = time.time() + 20
    # Until it has said where it listens now.
    while exctl(cluster, "member", "add", "4", "--wait", "30")[0] != DONE:
        assert time.time() < end
        time.sleep(0.1)
    assert (4, "voter") in members(cluster)


def test_one_change_at_a_time_and_no_vote_for_a_node_that_lags(growing):
    cluster, switch = growing
    new, other = cluster.grow(), cluster.grow()
    switch.touch()
    cluster.start(new)
    cluster.start(other)
    # Its log takes nothing, so it never catches up.
    ok(cluster, "member", "add", "4", "--learner", "--wait", "10")
    cluster.customer("someone", USDT=1)
    before = members(cluster)
    said = refused(cluster, "member", "promote", "4", "--wait", "1")
    assert "entries behind" in said, said
    assert members(cluster) == before
    ok(cluster, "member", "remove", "4", "--wait", "10")

    # The same for one that is to vote as soon as it can: until then nothing else begins.
    cluster.kill(new)
    shutil.rmtree(cluster.folder / "node4")
    sixth = cluster.grow()
    hanging = {"EXNODE_DRILL_DISK_HANG": str(switch)}
    with cluster.environment(lambda _: hanging):
        cluster.start(sixth)
    assert "not finished" in refused(cluster, "member", "add", "6", "--wait", "3")
    before = members(cluster)
    assert (6, "learner") in before
    for request in (["remove", "2"], ["replace", "2", "--with", "5"], ["add", "5"]):
        said = refused(cluster, "member", *request, "--wait", "1")
        assert "node 6 is being brought up" in said, said
    assert members(cluster) == before
    switch.unlink()
    end = time.time() + 30
    while (6, "voter") not in members(cluster):
        assert time.time() < end, "it is never promoted"
        time.sleep(0.1)
    # The fifth waits outside for ever.
    cluster.kill(other)
    cluster.wait_ready()
    cluster.check_hashes()


def test_mixed_up_directories_are_refused_and_nothing_changes(growing):
    cluster, _ = growing
    before = members(cluster)
    one, two = [n for n in range(3) if n != cluster.leader()]
    for node in (one, two):
        cluster.kill(node)
        cluster.processes[node] = None
    for node, other in ((one, two), (two, one)):
        done = subprocess.run(
            cluster.arguments(node, **{"--data-dir": cluster.folder / f"node{other + 1}"}),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        lines = done.stderr.strip().splitlines()
        assert done.returncode == 1 and len(lines) == 1, lines
        assert f"belongs to node {other + 1}, not to node {node + 1}" in lines[0]
    for node in (one, two):
        cluster.start(node)
    cluster.wait_ready()
    assert members(cluster) == before
    cluster.check_hashes()


def test_a_node_that_slept_through_a_change_of_all_others_comes_back(growing):
    cluster, _ = growing
    absent = 2
    cluster.kill(absent)
    for _ in range(2):
        cluster.start(cluster.grow())
    for number in ("4", "5"):
        ok(cluster, "member", "add", number, "--wait", "30")
    for gone in (0, 1):
        ok(cluster, "member", "remove", str(gone + 1), "--wait", "30")
    cluster.customer("someone", node=3, USDT=1)
    for gone in (0, 1):
        cluster.kill(gone)
        cluster.processes[gone] = None
    # It knows only nodes 1 and 2; who leads now has to be let in, and answered.
    cluster.start(absent)
    cluster.wait_ready()
    assert members(cluster) == [(3, "voter"), (4, "voter"), (5, "voter")]
    cluster.check_hashes()
