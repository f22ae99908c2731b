"""Operators change the members of a running cluster, and look at them."""

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
    cluster.customer("someone", USDT=1)
    leader = cluster.leader()
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
