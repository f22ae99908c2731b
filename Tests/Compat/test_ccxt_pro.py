"""ccxt pro, unchanged: a watched book stays right on any node, and across a failover."""

import asyncio

import ccxt.pro


def connect(cluster, customer, node):
    base = f"http://127.0.0.1:{cluster.client_ports[node]}"
    sockets = f"ws://127.0.0.1:{cluster.client_ports[node]}"
    return ccxt.pro.binance({
        "apiKey": customer.key, "secret": customer.secret,
        "urls": {"api": {
            "public": base + "/api/v3", "private": base + "/api/v3", "v1": base + "/api/v1",
            "sapi": base + "/sapi/v1",
            "ws": {"spot": sockets + "/ws", "ws-api": {"spot": sockets + "/ws-api/v3"}}}},
        "options": {"fetchMarkets": {"types": ["spot"]}}})


def book_of(cluster, node):
    book = cluster.public("/api/v3/depth?symbol=BTCUSDT&limit=1000", node)
    return ([[float(p), float(q)] for p, q in book["bids"]],
            [[float(p), float(q)] for p, q in book["asks"]])


async def watch_until(client, cluster, node, seconds=20):
    """Reads updates until the local book equals the node's; fails if it never does."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        book = await asyncio.wait_for(client.watch_order_book("BTC/USDT"), seconds)
        shown = await asyncio.to_thread(book_of, cluster, node)
        local = ([list(level)[:2] for level in book["bids"]], [list(level)[:2] for level in book["asks"]])
        if local == shown:
            return
        assert asyncio.get_running_loop().time() < end, "the watched book never equalled the node's"


async def place(cluster, node, count):
    for i in range(count):
        await asyncio.to_thread(
            cluster.maker.order, "BTCUSDT", "BUY", "LIMIT", node, quantity="0.01",
            price=str(58000 + i))


def test_a_watched_book_is_right_on_every_node_and_across_a_failover(cluster):
    async def run():
        leader = cluster.leader()
        watched = [(leader + 1) % 3, (leader + 2) % 3]
        clients = [connect(cluster, cluster.alice, node) for node in watched]
        try:
            for client, node in zip(clients, watched):
                await client.load_markets()
                writer = asyncio.create_task(place(cluster, node, 5))
                await watch_until(client, cluster, node)
                await writer
            await asyncio.to_thread(cluster.kill, leader)
            for client, node in zip(clients, watched):
                writer = asyncio.create_task(place(cluster, watched[0], 8))
                await watch_until(client, cluster, node)
                await writer
        finally:
            for client in clients:
                await client.close()
        cluster.start(leader)
        await asyncio.to_thread(cluster.wait_ready)
    asyncio.run(run())


def test_watched_trades_and_best_prices(cluster):
    async def run():
        client = connect(cluster, cluster.alice, 1)
        try:
            await client.load_markets()
            trades = asyncio.create_task(client.watch_trades("BTC/USDT"))
            tops = asyncio.create_task(client.watch_bids_asks(["BTC/USDT"]))
            await asyncio.sleep(1)
            await asyncio.to_thread(
                cluster.alice.order, "BTCUSDT", "BUY", "MARKET", 2, quantity="0.02")
            seen = await asyncio.wait_for(trades, 10)
            assert seen[-1]["amount"] == 0.02
            top = await asyncio.wait_for(tops, 10)
            assert top["BTC/USDT"]["bid"] > 0
        finally:
            await client.close()
    asyncio.run(run())
