"""exctl, as scripts use it: what it prints, and its exit codes (0 done, 1 refused, 2 unreachable, 64 usage)."""

import json
import os
import subprocess
import time

import pytest

from castle import BUILD, Cluster

DONE, FAILED, UNREACHABLE, USAGE = 0, 1, 2, 64


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as running:
        yield running


def exctl(cluster, *arguments, urls=None, token=None, seconds=60):
    environment = {
        **os.environ,
        "CASTLE_ADMIN_URLS": urls or ",".join(f"http://127.0.0.1:{p}" for p in cluster.admin_ports),
        "CASTLE_ADMIN_TOKEN_FILE": str(token or cluster.folder / "admin.token"),
    }
    done = subprocess.run(
        [str(BUILD / "exctl"), *arguments], env=environment, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=seconds)
    return done.returncode, done.stdout, done.stderr


def ok(cluster, *arguments):
    code, out, err = exctl(cluster, *arguments, "-o", "json")
    assert code == DONE, err
    return json.loads(out)


def refused(cluster, *arguments, code=FAILED, **options):
    found, _, err = exctl(cluster, *arguments, **options)
    assert found == code, err
    lines = err.strip().splitlines()
    assert lines
    if code != USAGE:
        assert len(lines) == 1 and lines[0].startswith("exctl: ")
    return err


def test_status_and_health_speak_of_every_node(cluster):
    assert exctl(cluster, "health", "--wait", "30")[0] == DONE
    nodes = ok(cluster, "status")
    assert [n["id"] for n in nodes] == [1, 2, 3]
    assert sorted(n["role"] for n in nodes) == ["follower", "follower", "leader"]
    assert all(len(n["stateHash"]) == 32 and n["ready"] for n in nodes)
    leader = ok(cluster, "leader")
    assert leader["id"] == nodes[0]["leader"]
    code, table, _ = exctl(cluster, "status")
    assert code == DONE and len(table.splitlines()) == 4 and "leader" in table
    # Nothing has been compared yet: the states are at every 4096th entry, and when asked.
    assert "AGREED" in table
    agreed = ok(cluster, "verify")["index"]
    end = time.time() + 10
    while True:
        _, table, _ = exctl(cluster, "status")
        column = table.splitlines()[0].split().index("AGREED")
        if all(line.split()[column] == str(agreed) for line in table.splitlines()[1:]):
            break
        assert time.time() < end, table
        time.sleep(0.1)


def test_options_may_stand_before_the_verb(cluster):
    code, out, err = exctl(cluster, "-o", "json", "--timeout=5", "account", "list")
    assert code == DONE, err
    assert "accounts" in json.loads(out)


def test_an_account_is_made_shown_and_limited(cluster):
    made = ok(cluster, "account", "create", "anna", "--permission", "trade", "--per-day", "5")
    assert len(made["apiKey"]) == 64 and len(made["secretKey"]) == 64
    shown = ok(cluster, "account", "show", "anna")
    assert shown["accountId"] == made["accountId"]
    assert shown["limits"] == {"per10Seconds": 100, "perDay": 5}
    assert [k["apiKey"] for k in shown["keys"]] == [made["apiKey"]]
    assert made["secretKey"] not in json.dumps(shown)
    ok(cluster, "account", "limits", "anna", "--per-10-seconds", "7", "--per-day", "8")
    assert ok(cluster, "account", "show", str(made["accountId"]))["limits"]["per10Seconds"] == 7
    assert "anna" in [a["name"] for a in ok(cluster, "account", "list")["accounts"]]
    assert "exists" in refused(cluster, "account", "create", "anna")
    assert "no such account" in refused(cluster, "account", "show", "nobody")


def test_keys_are_added_and_revoked(cluster):
    ok(cluster, "account", "create", "karl")
    key = ok(cluster, "key", "create", "karl", "--read-only")
    assert key["permissions"] == []
    assert ok(cluster, "key", "revoke", key["apiKey"])["revoked"] is True
    assert ok(cluster, "key", "revoke", key["apiKey"])["revoked"] is True
    keys = {k["apiKey"]: k["revoked"] for k in ok(cluster, "account", "show", "karl")["keys"]}
    assert keys[key["apiKey"]] is True and sorted(keys.values()) == [False, True]
    refused(cluster, "key", "revoke", "x" * 64)
    refused(cluster, "key", "create", "karl", "--permission", "withdraw")


def test_money_moves_once_per_id(cluster):
    ok(cluster, "account", "create", "mona")
    first = ok(cluster, "deposit", "mona", "USDT", "100.5", "--id", "m-1")
    assert (first["free"], first["repeated"]) == ("100.50000000", False)
    again = ok(cluster, "deposit", "mona", "USDT", "100.5", "--id", "m-1")
    assert (again["free"], again["repeated"]) == ("100.50000000", True)
    assert "other contents" in refused(cluster, "deposit", "mona", "USDT", "100.6", "--id", "m-1")
    out = ok(cluster, "withdrawal", "create", "mona", "USDT", "0.5", "--id", "m-1")
    assert out["free"] == "100.00000000"
    refused(cluster, "withdrawal", "create", "mona", "USDT", "100.1", "--id", "m-2")
    refused(cluster, "deposit", "mona", "USDT", "0", "--id", "m-3")
    refused(cluster, "deposit", "mona", "USDT", "0.000000001", "--id", "m-3")
    refused(cluster, "deposit", "mona", "NONE", "1", "--id", "m-3")
    moved = ok(cluster, "account", "movements", "mona")["transfers"]
    assert [t["amount"] for t in moved] == ["100.50000000", "-0.50000000"]
    shown = ok(cluster, "account", "show", "mona")["balances"]
    assert shown == [{"asset": "USDT", "free": "100.00000000", "locked": "0.00000000"}]


def test_symbols_are_added_halted_and_resumed(cluster):
    ok(cluster, "asset", "add", "DOGE", "--scale", "4")
    assert "DOGE" in [a["name"] for a in ok(cluster, "asset", "list")["assets"]]
    added = ok(
        cluster, "symbol", "add", "DOGEUSDT", "--base", "DOGE", "--quote", "USDT", "--tick-size",
        "0.00001", "--step-size", "1", "--min-notional", "1", "--taker-fee", "0.002")
    assert added["tickSize"] == "0.00001000" and added["takerFee"] == "0.00200000"

    def status():
        symbols = ok(cluster, "symbol", "list")["symbols"]
        return {s["name"]: s["status"] for s in symbols}["DOGEUSDT"]

    assert status() == "TRADING"
    for verb, wanted in (("halt", "HALT"), ("cancel-only", "CANCEL_ONLY"), ("resume", "TRADING")):
        ok(cluster, "symbol", verb, "DOGEUSDT")
        assert status() == wanted
    refused(cluster, "symbol", "halt", "NONE")
    refused(
        cluster, "symbol", "add", "DOGEUSDT", "--base", "DOGE", "--quote", "USDT", "--tick-size", "1",
        "--step-size", "1")


def test_a_withdrawal_is_held_and_then_posted_or_given_back(cluster):
    ok(cluster, "account", "create", "wanda", "--permission", "trade")
    ok(cluster, "account", "create", "willi", "--parent", "wanda")
    ok(cluster, "deposit", "wanda", "USDT", "100", "--id", "w-0")
    moved = ok(cluster, "transfer", "wanda", "willi", "USDT", "10", "--id", "t/1")
    assert (moved["free"], moved["repeated"]) == ("90.00000000", False)
    assert ok(cluster, "transfer", "wanda", "willi", "USDT", "10", "--id", "t/1")["repeated"] is True
    assert "other contents" in refused(
        cluster, "transfer", "wanda", "willi", "USDT", "11", "--id", "t/1")
    assert "free balance" in refused(
        cluster, "transfer", "wanda", "willi", "USDT", "91", "--id", "t/2")

    def ask(id):
        return ok(
            cluster, "withdrawal", "request", "wanda", "USDT", "20", "--fee", "1", "--address",
            "somewhere", "--id", id)

    def balance():
        return [(b["free"], b["locked"]) for b in ok(cluster, "account", "show", "wanda")["balances"]]

    assert ask("w/1")["free"] == "69.00000000"
    ask("w/2")
    assert ask("w/2")["repeated"] is True
    assert balance() == [("48.00000000", "42.00000000")]
    assert "cannot go there" in refused(cluster, "withdrawal", "sent", "w/1")
    assert ok(cluster, "withdrawal", "approve", "w/1", "--note", "seen")["state"] == "approved"
    listed = ok(cluster, "withdrawal", "list", "--account", "wanda")["withdrawals"]
    assert [(w["id"], w["state"], w["note"]) for w in listed] == [
        ("w/1", "approved", "seen"), ("w/2", "requested", "")]
    ok(cluster, "withdrawal", "sent", "w/1")
    ok(cluster, "withdrawal", "confirm", "w/1", "--note", "0xabc")
    ok(cluster, "withdrawal", "reject", "w/2")
    assert balance() == [("69.00000000", "0.00000000")]
    assert ok(cluster, "withdrawal", "confirm", "w/1")["state"] == "confirmed"
    assert "no such withdrawal" in refused(cluster, "withdrawal", "fail", "w/1")
    assert "no such withdrawal" in refused(cluster, "withdrawal", "approve", "w/9")
    assert [w["id"] for w in ok(cluster, "withdrawal", "list", "--state", "rejected")[
        "withdrawals"]] == ["w/2"]
    assert "state may be" in refused(cluster, "withdrawal", "list", "--state", "gone")


def test_settings_of_the_exchange_are_shown_and_changed(cluster):
    settings = ok(cluster, "settings")
    assert settings["level"] == settings["newestLevel"] and settings["refused"] == []
    assert ok(cluster, "settings", "refuse", "icebergs", "trailingStops")["refused"] == [
        "trailingStops", "icebergs"]
    assert "refused may hold" in refused(cluster, "settings", "refuse", "stops")
    assert ok(cluster, "settings")["refused"] == ["trailingStops", "icebergs"]
    assert ok(cluster, "settings", "refuse")["refused"] == []
    assert ok(cluster, "settings", "limits", "--max-orders", "50")["maxOrders"] == 50
    assert ok(cluster, "settings", "limits")["maxOrders"] == 0
    assert "does not know level" in refused(cluster, "settings", "level", "1000")
    assert "which leads, applies levels 1 to" in refused(
        cluster, "settings", "level", "1000", "--force")
    assert "only be raised" in refused(cluster, "settings", "level", "1")
    assert ok(cluster, "settings")["level"] == settings["level"]


def test_a_symbol_s_rules_and_commissions_are_changed(cluster):
    shown = ok(
        cluster, "symbol", "filters", "BTCUSDT", "minNotional=7", "percentPriceBid=1.2:0.8",
        "maxOpenOrders=60", "trailingDelta=10:2000:10:2000")
    assert shown["minNotional"] == "7.00000000" and shown["maxOpenOrders"] == 60
    before = ok(cluster, "symbol", "show", "BTCUSDT")
    assert before["percentPriceBid"] == {"up": "1.20000000", "down": "0.80000000"}
    assert before["trailingDelta"]["maxBelow"] == 2000
    for wrong in ("tickSize=5", "minPrice=99999999", "minNotionl=1", "minNotional=x"):
        refused(cluster, "symbol", "filters", "BTCUSDT", wrong)
    refused(cluster, "symbol", "filters", "BTCUSDT", "maxOpenOrders=x", code=USAGE)
    assert "no such symbol" in refused(cluster, "symbol", "filters", "NONE", "minNotional=7")
    assert ok(cluster, "symbol", "show", "BTCUSDT") == before
    ok(cluster, "symbol", "self-trade", "BTCUSDT", "NONE", "EXPIRE_TAKER", "--standard", "NONE")
    assert ok(cluster, "symbol", "show", "BTCUSDT")["selfTrade"]["allowed"] == [
        "NONE", "EXPIRE_TAKER"]
    assert "standard must be" in refused(
        cluster, "symbol", "self-trade", "BTCUSDT", "NONE", "--standard", "EXPIRE_BOTH")
    ok(cluster, "account", "create", "cora")
    ok(cluster, "symbol", "commission", "BTCUSDT", "--account", "cora", "--standard", "0.001:0.002",
       "--tax", "0:0:0.0001:0")
    assert "0.1 in all" in refused(
        cluster, "symbol", "commission", "BTCUSDT", "--standard", "0.1:0.2")
    terms = ok(cluster, "symbol", "show", "BTCUSDT")["commissions"]
    assert [(t["account"], t["standard"]["taker"], t["tax"]["buyer"]) for t in terms] == [
        ("cora", "0.00200000", "0.00010000")]
    ok(cluster, "symbol", "filters", "BTCUSDT", "percentPriceBid=0:0", "trailingDelta=0:0:0:0")


def test_commission_in_the_discount_asset_is_switched_on(cluster):
    ok(cluster, "asset", "add", "BNB")
    assert ok(cluster, "settings", "discount", "BNB", "--factor", "0.75") == {
        "asset": "BNB", "factor": "0.75000000"}
    assert "0 to 1" in refused(cluster, "settings", "discount", "BNB", "--factor", "1.5")
    assert "no such asset" in refused(cluster, "settings", "discount", "NONE", "--factor", "1")
    refused(cluster, "settings", "discount", "BNB", code=USAGE)
    assert ok(cluster, "symbol", "discount", "BTCUSDT", "on")["offered"] is True
    ok(cluster, "account", "create", "dora")
    assert ok(cluster, "account", "discount", "dora", "on")["used"] is True
    assert ok(cluster, "account", "show", "dora")["usesDiscount"] is True
    assert ok(cluster, "settings")["discount"] == {"asset": "BNB", "factor": "0.75000000"}
    assert ok(cluster, "settings", "discount") == {"asset": None, "factor": "0.00000000"}


def test_a_cluster_begins_with_the_discount_that_its_genesis_names(tmp_path):
    genesis = tmp_path / "genesis.json"
    pair = {"quote": "USDT", "tickSize": "0.01", "stepSize": "0.001"}
    facts = {
        "clusterId": "discount", "assets": [{"name": n} for n in ("BTC", "USDT", "BNB")],
        "discount": {"asset": "BNB", "factor": "0.75"},
        "symbols": [{"base": "BTC", "discount": True, **pair}, {"base": "BNB", **pair}]}
    genesis.write_text(json.dumps(facts))
    with Cluster(nodes=1, genesis=genesis) as cluster:
        assert ok(cluster, "settings")["discount"] == {"asset": "BNB", "factor": "0.75000000"}
        for symbol, offered in [("BTCUSDT", True), ("BNBUSDT", False)]:
            assert ok(cluster, "symbol", "show", symbol)["offersDiscount"] is offered
        facts["discount"]["asset"] = "BNX"
        genesis.write_text(json.dumps(facts))
        assert "discount.asset names no asset: BNX" in refused(cluster, "genesis", str(genesis))


def test_wrong_usage_and_wrong_tokens_have_their_codes(cluster, tmp_path):
    wrong = tmp_path / "token"
    wrong.write_text("not-the-token-of-this-cluster")
    assert "token" in refused(cluster, "status", token=wrong)
    assert "No such file" in refused(cluster, "status", token=tmp_path / "none")
    refused(cluster, "bogus", code=USAGE)
    refused(cluster, "deposit", "mona", "USDT", "1", code=USAGE)
    refused(cluster, "status", "-o", "xml", code=USAGE)
    refused(cluster, "status", urls="nowhere", code=USAGE)
    refused(cluster, "account", "show", "a/b", code=USAGE)
    refused(cluster, "status", urls="127.0.0.1:1,127.0.0.1:2", code=UNREACHABLE)
    refused(cluster, "health", urls="127.0.0.1:1", code=UNREACHABLE)
    code, out, _ = exctl(cluster, "--help")
    assert code == DONE and "Exit codes" in out


def test_a_log_in_use_is_left_alone(cluster):
    assert "in use" in refused(cluster, "log", "verify", str(cluster.folder / "node1"))


def test_the_next_node_is_asked_when_one_is_down(cluster):
    leader = cluster.leader()
    cluster.kill(leader)
    try:
        order = [cluster.admin_ports[leader]] + [
            p for i, p in enumerate(cluster.admin_ports) if i != leader]
        urls = ",".join(f"127.0.0.1:{p}" for p in order)
        code, out, err = exctl(cluster, "account", "create", "nora", "-o", "json", urls=urls)
        assert code == DONE, err
        assert len(json.loads(out)["apiKey"]) == 64
        assert exctl(cluster, "health", urls=urls)[0] == FAILED
        assert exctl(cluster, "health", "--nodes", "2", "--wait", "20", urls=urls)[0] == DONE
        code, out, _ = exctl(cluster, "status", "-o", "json", urls=urls)
        assert code == DONE and ["error" in n for n in json.loads(out)] == [True, False, False]
    finally:
        cluster.start(leader)
        cluster.wait_ready()
