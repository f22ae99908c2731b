"""ccxt, unchanged: only its URLs point at the cluster (binance-api.md, section 7.1, lists the calls it makes)."""

import time

import ccxt
import pytest


def connect(cluster, customer, node=0, **options):
    base = f"http://127.0.0.1:{cluster.client_ports[node]}"
    return ccxt.binance({
        "apiKey": customer.key, "secret": customer.secret, "enableRateLimit": False,
        "urls": {"api": {
            "public": base + "/api/v3", "private": base + "/api/v3", "v1": base + "/api/v1",
            "sapi": base + "/sapi/v1"}},
        "options": {"fetchMarkets": {"types": ["spot"]}, **options}})


@pytest.fixture(scope="module")
def exchange(cluster):
    client = connect(cluster, cluster.alice)
    client.load_markets()
    return client


def test_markets_are_loaded_with_their_limits(exchange):
    market = exchange.market("BTC/USDT")
    assert market["active"] and market["spot"]
    assert market["precision"]["price"] == 0.01 and market["precision"]["amount"] == 1e-05
    assert market["limits"]["cost"]["min"] == 5
    assert "ETH/USDT" in exchange.markets


def test_currencies_fees_status_and_time(exchange):
    assert abs(exchange.fetch_time() - time.time() * 1000) < 5000
    assert exchange.fetch_status()["status"] == "ok"
    fee = exchange.fetch_trading_fee("BTC/USDT")
    assert fee["maker"] == 0.001 and fee["taker"] == 0.001


def test_balance(exchange):
    balance = exchange.fetch_balance()
    assert balance["ETH"]["total"] == 10.0


def test_book_ticker_trades_and_candles(cluster, exchange):
    book = exchange.fetch_order_book("BTC/USDT", 5)
    assert book["bids"][0] == [59990.0, 0.5] and book["asks"][0] == [60010.0, 0.5]
    exchange.create_order("BTC/USDT", "market", "buy", 0.01)
    trades = exchange.fetch_trades("BTC/USDT")
    assert trades[-1]["price"] == 60010.0 and trades[-1]["amount"] == 0.01
    ticker = exchange.fetch_ticker("BTC/USDT")
    assert ticker["last"] == 60010.0 and ticker["bid"] == 59990.0
    assert "BTC/USDT" in exchange.fetch_tickers()
    assert exchange.fetch_bids_asks(["BTC/USDT"])["BTC/USDT"]["bid"] == 59990.0
    candles = exchange.fetch_ohlcv("BTC/USDT", "1m")
    assert candles[-1][4] == 60010.0 and candles[-1][5] >= 0.01


def test_an_order_lives_and_ends(exchange):
    order = exchange.create_order("BTC/USDT", "limit", "buy", 0.02, 50000)
    assert order["status"] == "open" and order["remaining"] == 0.02
    assert [o["id"] for o in exchange.fetch_open_orders("BTC/USDT")] == [order["id"]]
    assert exchange.fetch_order(order["id"], "BTC/USDT")["price"] == 50000.0
    assert exchange.cancel_order(order["id"], "BTC/USDT")["status"] == "canceled"
    assert exchange.fetch_order(order["id"], "BTC/USDT")["status"] == "canceled"
    assert order["id"] in [o["id"] for o in exchange.fetch_orders("BTC/USDT")]


def test_trades_of_an_order_and_post_only(exchange):
    order = exchange.create_order("BTC/USDT", "limit", "buy", 0.05, 60020)
    assert order["status"] == "closed" and order["average"] == 60010.0
    mine = exchange.fetch_my_trades("BTC/USDT")
    assert mine[-1]["order"] == order["id"] and mine[-1]["fee"]["currency"] == "BTC"
    assert [t["order"] for t in exchange.fetch_order_trades(order["id"], "BTC/USDT")] == [order["id"]]
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 60100, {"postOnly": True})
    kept = exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 50000, {"postOnly": True})
    assert [o["id"] for o in exchange.cancel_all_orders("BTC/USDT")] == [kept["id"]]


def test_a_market_buy_by_cost(exchange):
    order = exchange.create_order("BTC/USDT", "market", "buy", 0.01, 60010)
    assert order["status"] == "closed" and abs(order["cost"] - 600.1) < 1


def test_refusals_become_ccxts_exceptions(exchange):
    with pytest.raises(ccxt.InsufficientFunds):
        exchange.create_order("BTC/USDT", "limit", "buy", 500, 50000)
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order("999999999", "BTC/USDT")
    with pytest.raises(ccxt.OrderNotFound):
        exchange.fetch_order("999999999", "BTC/USDT")
    with pytest.raises(ccxt.BaseError):
        exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 50000, {"stopPrice": 51000})


def test_every_node_serves_ccxt_and_a_dead_leader_changes_nothing(cluster):
    leader = cluster.leader()
    other = connect(cluster, cluster.alice, node=(leader + 1) % 3)
    other.load_markets()
    order = other.create_order("BTC/USDT", "limit", "buy", 0.01, 45000)
    cluster.kill(leader)
    assert other.fetch_order(order["id"], "BTC/USDT")["status"] == "open"
    second = other.create_order("BTC/USDT", "limit", "buy", 0.01, 45001)
    assert second["status"] == "open"
    other.cancel_all_orders("BTC/USDT")
    cluster.start(leader)
    cluster.wait_ready()
    cluster.check_hashes()


def test_all_market_types_load_when_every_url_points_here(cluster):
    base = f"http://127.0.0.1:{cluster.client_ports[0]}"
    client = ccxt.binance({"apiKey": cluster.alice.key, "secret": cluster.alice.secret})
    for name in list(client.urls["api"]):
        if isinstance(client.urls["api"][name], str):
            path = client.urls["api"][name].split("/", 3)[-1]
            client.urls["api"][name] = f"{base}/{path}"
    client.load_markets()
    assert client.fetch_balance()["ETH"]["total"] == 10.0
