// Invariants: what must hold between commands, recomputed from scratch. For tests and checks, not
// for the order path.
// Not here: repairing anything.

extension Exchange {
  /// For each asset the sum of all balances, custody's included. Must be zero.
  public func conservation() -> [(AssetID, Int128)] {
    symbols.assets.map { asset in
      var sum: Int128 = 0
      for account in 0..<ledger.accountCount {
        let balance = ledger.balance(account, asset.id)
        sum += Int128(balance.free) + Int128(balance.locked)
      }
      return (asset.id, sum)
    }
  }

  /// Slots of orders ever used, and orders that are open: what memory grows with.
  package var orderSlots: (used: Int, open: Int) {
    var open = 0
    for account in 0..<accounts.states.count { open += Int(accounts.states[account].openOrders) }
    return (Int(book.orders.slotBound), open)
  }

  /// One sentence for each invariant that does not hold; empty if all do. O(state).
  public borrowing func checkInvariants() -> [String] {
    var broken: [String] = []
    for (asset, sum) in conservation() where sum != 0 {
      broken.append("balances of asset \(asset.value) add up to \(sum)")
    }
    checkBalances(&broken)
    for symbol in 0..<symbols.states.count { checkBook(symbol, &broken) }
    checkSheets(&broken)
    checkSpecials(&broken)
    checkCounts(&broken)
    if !book.touched.isEmpty || !ledger.touched.isEmpty {
      broken.append("a command left its lists of changes behind")
    }
    return broken
  }

  private func checkBalances(_ broken: inout [String]) {
    var held: [UInt64: Int64] = [:]
    func name(_ account: Int32, _ asset: AssetID) -> UInt64 {
      UInt64(account) << 32 | UInt64(asset.value)
    }
    for slot in 0..<book.orders.slotBound where book.orders[slot].live {
      let record = book.orders[slot]
      let asset = heldAsset(book.orders.view(slot).side, record.symbol)
      held[name(record.account, asset), default: 0] += self.held(slot)
    }
    for list in lists.open {
      let state = lists[list]
      let base = symbols.states[state.symbol].base
      held[name(state.account, base), default: 0] += state.proceeds
      guard state.isPair, let leg = (0..<3).first(where: { state.slots[$0] >= 0 }) else {
        continue
      }
      let asset = heldAsset(book.orders.view(state.slots[leg]).side, state.symbol)
      held[name(state.account, asset), default: 0] += pairHold(list)
    }
    for withdrawal in withdrawals.all {
      guard let account = accounts.place(withdrawal.account) else { continue }
      held[UInt64(account) << 32 | UInt64(withdrawal.asset.value), default: 0] +=
        withdrawal.amount + withdrawal.fee
    }
    for account in 0..<ledger.accountCount {
      for asset in symbols.assets {
        let balance = ledger.balance(account, asset.id)
        let name = "account \(accounts.id(account).value) asset \(asset.name)"
        let wanted = held[UInt64(account) << 32 | UInt64(asset.id.value)] ?? 0
        if balance.locked != wanted {
          broken.append(
            "\(name): locked \(balance.locked), its open orders and withdrawals hold \(wanted)")
        }
        if balance.locked < 0 || (balance.free < 0 && account != AccountTable.custody) {
          broken.append("\(name): negative balance")
        }
      }
    }
  }

  private func checkBook(_ symbol: Int32, _ broken: inout [String]) {
    let state = symbols.states[symbol]
    let name = symbols.infos[Int(symbol)].name
    if state.bids.best >= 0, state.asks.best >= 0,
      book.levels[state.bids.best].price >= book.levels[state.asks.best].price
    {
      broken.append("\(name): crossed book")
    }
    checkLadder(state.bids, .buy, symbol, name, &broken)
    checkLadder(state.asks, .sell, symbol, name, &broken)
  }

  private func checkLadder(
    _ ladder: Ladder, _ side: Side, _ symbol: Int32, _ name: String, _ broken: inout [String]
  ) {
    var slot = ladder.best
    var earlier: Int32 = -1
    var count: Int32 = 0
    while slot >= 0 {
      let level = book.levels[slot]
      if earlier >= 0 {
        let before = book.levels[earlier].price
        if side == .buy ? level.price >= before : level.price <= before {
          broken.append("\(name): levels out of order at \(level.price)")
        }
      }
      if level.better != earlier { broken.append("\(name): levels linked wrongly") }
      if book.levels.find(ladder, tick: level.tick) != slot {
        broken.append("\(name): level \(level.price) is not in the trie")
      }
      checkLevel(level, slot, side, symbol, name, &broken)
      earlier = slot
      slot = level.worse
      count += 1
    }
    if count != ladder.count { broken.append("\(name): \(count) levels, not \(ladder.count)") }
  }

  private func checkLevel(
    _ level: Level, _ levelSlot: Int32, _ side: Side, _ symbol: Int32, _ name: String,
    _ broken: inout [String]
  ) {
    var slot = level.head
    var earlier: Int32 = -1
    var quantity: Int64 = 0
    var hidden: Int64 = 0
    var count: Int32 = 0
    while slot >= 0 {
      let record = book.orders[slot]
      let detail = book.orders.detail(slot)
      let view = book.orders.view(slot)
      quantity += record.remaining
      hidden += special(slot)?.hidden ?? 0
      count += 1
      if record.level != levelSlot || record.symbol != symbol || view.price != level.price
        || view.side != side || !record.live || record.older != earlier
      {
        broken.append("\(name): order \(view.id.value) stands in the wrong queue")
      }
      if earlier >= 0, book.orders.detail(earlier).priority >= detail.priority {
        broken.append("\(name): order \(view.id.value) out of turn")
      }
      if record.remaining <= 0 || phase(slot) != .working
        || view.executed + view.extras.prevented + left(slot) != view.quantity
      {
        broken.append("\(name): order \(view.id.value) has a wrong rest")
      }
      if book.orders.find(symbol, view.id) != slot {
        broken.append("\(name): order \(view.id.value) is not found by id")
      }
      earlier = slot
      slot = record.newer
    }
    if count == 0 || quantity != level.quantity || hidden != level.hidden || count != level.count
      || level.tail != earlier
    {
      broken.append("\(name): level \(level.price) differs from its orders")
    }
  }

  private func checkSheets(_ broken: inout [String]) {
    var listed = 0
    for account in 0..<ledger.accountCount {
      for symbol in 0..<symbols.states.count {
        var slot = accounts.sheet(account, symbol).head
        var count: Int32 = 0
        while slot >= 0 {
          let record = book.orders[slot]
          if record.account != account || record.symbol != symbol || !record.live {
            broken.append("an order stands on the wrong sheet")
          }
          count += 1
          slot = record.sheetNewer
        }
        if count != accounts.sheet(account, symbol).count { broken.append("a sheet miscounts") }
        listed += Int(count)
      }
    }
    if listed != book.orders.used { broken.append("open orders are missing from the sheets") }
  }
}
