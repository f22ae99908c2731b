"""What a customer and an operator meet first: orders on any node, reads of their own writes, restarts, clean ends."""

import signal
import time

import pytest

from castle import Cluster, Refused, exchange


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as running:
        running.buyer = running.customer("buyer", USDT=1_000_000, BTC=10)
        running.seller = running.customer("seller", BTC=100, USDT=1_000_000)
        running.wait_level()
        yield running


def test_an_order_placed_on_one_node_is_read_on_every_other(cluster):
    for node in range(3):
        order = cluster.buyer.order("BTCUSDT", "BUY", node=node, quantity="0.01", price="50000")
        assert order["status"] == "NEW"
        for other in range(3):
            read = cluster.buyer.get(
                "/api/v3/order", other, symbol="BTCUSDT", orderId=order["orderId"])
            assert read["clientOrderId"] == order["clientOrderId"]
            assert read["status"] == "NEW"
        gone = cluster.buyer.cancel("BTCUSDT", (node + 1) % 3, orderId=order["orderId"])
        assert gone["status"] == "CANCELED"


def test_orders_trade_at_the_makers_price_and_fees_are_taken_from_what_is_received(cluster):
    cluster.seller.order("BTCUSDT", "SELL", quantity="0.5", price="60000")
    taken = cluster.buyer.order("BTCUSDT", "BUY", node=1, quantity="0.2", price="60100")
    assert taken["status"] == "FILLED"
    assert taken["cummulativeQuoteQty"] == "12000.00000000"
    assert [f["price"] for f in taken["fills"]] == ["60000.00000000"]
    assert taken["fills"][0]["commission"] == "0.00020000"
    assert taken["fills"][0]["commissionAsset"] == "BTC"
    market = cluster.buyer.order("BTCUSDT", "BUY", "MARKET", quoteOrderQty="6000")
    assert market["status"] == "FILLED" and market["executedQty"] == "0.10000000"
    cancelled = cluster.seller.send("DELETE", "/api/v3/openOrders", {"symbol": "BTCUSDT"})
    assert [c["executedQty"] for c in cancelled] == ["0.30000000"]


def test_the_same_signed_bytes_make_one_order_on_whatever_node(cluster):
    signed = cluster.buyer.sign({
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
        "quantity": "0.01", "price": "40000", "newOrderRespType": "FULL"})
    answers = [cluster.buyer.send_signed("POST", "/api/v3/order", signed, n) for n in (0, 1, 2, 0)]
    assert all(a == answers[0] for a in answers)
    cluster.buyer.cancel("BTCUSDT", orderId=answers[0]["orderId"])


def test_a_repetition_after_its_window_still_gets_the_first_answer(cluster):
    params = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
              "quantity": "0.01", "newOrderRespType": "FULL"}
    done = cluster.buyer.sign({**params, "price": "40001"}, recv_window=700)
    stale = cluster.buyer.sign({**params, "price": "40002"}, recv_window=700)
    first = cluster.buyer.send_signed("POST", "/api/v3/order", done)
    time.sleep(1)
    for node in range(3):
        assert cluster.buyer.send_signed("POST", "/api/v3/order", done, node) == first
        with pytest.raises(Refused) as refused:
            cluster.buyer.send_signed("POST", "/api/v3/order", stale, node)
        assert (refused.value.status, refused.value.code) == (400, -1021)
    prices = [o["price"] for o in cluster.buyer.orders("BTCUSDT")]
    assert prices.count("40001.00000000") == 1 and "40002.00000000" not in prices
    cluster.buyer.cancel("BTCUSDT", orderId=first["orderId"])


def test_a_client_order_id_is_not_used_twice(cluster):
    cluster.buyer.order(
        "BTCUSDT", "BUY", quantity="0.01", price="40000", newClientOrderId="once")
    cluster.buyer.cancel("BTCUSDT", origClientOrderId="once")
    with pytest.raises(Refused) as refused:
        cluster.buyer.order(
            "BTCUSDT", "BUY", quantity="0.01", price="40000", newClientOrderId="once")
    assert (refused.value.status, refused.value.code) == (400, -2010)
    assert refused.value.msg == "Duplicate order sent."


@pytest.mark.parametrize("params, code, msg", [
    ({"quantity": "0.01"}, -1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed."),
    ({"quantity": "0.01", "price": "abc"}, -1100,
     "Illegal characters found in parameter 'price'; legal range is '^([0-9]{1,20})(\\.[0-9]{1,20})?$'."),
    ({"quantity": "0.01", "price": "50000.001"}, -1013, "Filter failure: PRICE_FILTER"),
    ({"quantity": "0.000001", "price": "50000"}, -1013, "Filter failure: LOT_SIZE"),
    ({"quantity": "0.00002", "price": "50000"}, -1013, "Filter failure: NOTIONAL"),
    ({"quantity": "500", "price": "50000"}, -2010, "Account has insufficient balance for requested action."),
    ({"quantity": "0.01", "price": "50000", "timeInForce": "XXX"}, -1115, "Invalid timeInForce."),
])
def test_bad_orders_get_binances_code_and_message(cluster, params, code, msg):
    with pytest.raises(Refused) as refused:
        cluster.buyer.order("BTCUSDT", "BUY", **params)
    assert (refused.value.code, refused.value.msg) == (code, msg)
    assert refused.value.status == 400


def test_wrong_keys_and_signatures_are_refused(cluster):
    query = cluster.buyer.sign({"symbol": "BTCUSDT"})
    with pytest.raises(Refused) as refused:
        cluster.buyer.send_signed("GET", "/api/v3/openOrders", query[:-1] + ("0" if query[-1] != "0" else "1"))
    assert refused.value.code == -1022
    headers = {"X-MBX-APIKEY": "x" * 64}
    status, _, body = exchange(
        cluster.client_ports[0], "GET", f"/api/v3/account?{query}", headers=headers)
    assert (status, body["code"]) == (401, -2015)
    old = cluster.buyer.sign({"symbol": "BTCUSDT"}, timestamp=int(time.time() * 1000) - 60_000)
    with pytest.raises(Refused) as refused:
        cluster.buyer.send_signed("GET", "/api/v3/openOrders", old)
    assert refused.value.code == -1021


def test_a_new_key_works_at_once_on_a_node_that_did_not_create_it(cluster):
    for number in range(5):
        fresh = cluster.customer(f"fresh{number}", USDT=100)
        assert fresh.balances(node=1 + number % 2)["USDT"][0] == "100.00000000"


def test_a_revoked_key_is_refused_on_every_node(cluster):
    fresh = cluster.customer("revoked", USDT=100)
    cluster.admin("POST", "/admin/v1/keys/revoke", {"apiKey": fresh.key})
    for node in range(3):
        with pytest.raises(Refused) as refused:
            fresh.order("BTCUSDT", "BUY", node=node, quantity="0.001", price="50000")
        assert refused.value.code == -2015


def test_a_deposit_counts_once_and_refuses_other_contents_under_its_id(cluster):
    body = {"account": "buyer", "asset": "ETH", "amount": "2", "id": "tx-1"}
    cluster.admin("POST", "/admin/v1/deposits", body)
    cluster.admin("POST", "/admin/v1/deposits", body, node=1)
    with pytest.raises(Refused):
        cluster.admin("POST", "/admin/v1/deposits", {**body, "amount": "3"})
    assert cluster.buyer.balances()["ETH"][0] == "2.00000000"
    taken = {"account": "buyer", "asset": "ETH", "amount": "0.5", "id": "out-1"}
    cluster.admin("POST", "/admin/v1/withdrawals", taken)
    cluster.admin("POST", "/admin/v1/withdrawals", taken, node=2)
    assert cluster.buyer.balances()["ETH"][0] == "1.50000000"
    with pytest.raises(Refused):
        cluster.admin("POST", "/admin/v1/withdrawals", {**taken, "amount": "99", "id": "out-2"})


def test_the_admin_port_wants_its_token(cluster):
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        status, _, _ = exchange(
            cluster.admin_ports[0], "GET", "/admin/v1/status", headers=headers)
        assert status == 401


def test_kill_all_nodes_at_once_and_everything_is_there_again():
    with Cluster() as cluster:
        buyer = cluster.customer("buyer", USDT=1_000_000)
        ids = [buyer.order("BTCUSDT", "BUY", node=i % 3, quantity="0.001",
                           price=f"{50000 + i}")["orderId"] for i in range(50)]
        before = cluster.check_hashes()
        for node in range(3):
            cluster.kill(node)
        for node in range(3):
            cluster.start(node)
        cluster.wait_ready()
        for node in range(3):
            assert [o["orderId"] for o in buyer.orders("BTCUSDT", node)] == ids
        depth = cluster.public("/api/v3/depth?symbol=BTCUSDT&limit=100", node=2)
        assert len(depth["bids"]) == 50
        after = cluster.check_hashes()
        assert after["appliedIndex"] >= before["appliedIndex"]


def test_sigterm_ends_a_node_within_five_seconds_and_loses_nothing():
    with Cluster() as cluster:
        buyer = cluster.customer("buyer", USDT=1_000_000)
        cluster.wait_level()
        leader = cluster.leader()
        order = buyer.order("BTCUSDT", "BUY", node=leader, quantity="0.01", price="50000")
        started = time.time()
        assert cluster.kill(leader, signal.SIGTERM) == 0
        assert time.time() - started < 5
        other = (leader + 1) % 3
        read = buyer.get("/api/v3/order", other, symbol="BTCUSDT", orderId=order["orderId"])
        assert read["status"] == "NEW"
        cluster.start(leader)
        cluster.wait_ready()
        cluster.check_hashes()


def test_a_single_node_is_a_cluster_too():
    with Cluster(nodes=1) as cluster:
        buyer = cluster.customer("buyer", USDT=1_000_000)
        order = buyer.order("BTCUSDT", "BUY", quantity="0.01", price="50000")
        cluster.kill(0)
        cluster.start(0)
        cluster.wait_ready()
        assert buyer.get(
            "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"])["status"] == "NEW"
