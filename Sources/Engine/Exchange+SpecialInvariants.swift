// Invariants of orders that are not plain, and of lists. For tests and checks.
// Not here: repairing anything.

extension Exchange {
  func checkSpecials(_ broken: inout [String]) {
    var used = 0
    var watching = [Int32](repeating: 0, count: symbols.infos.count)
    for slot in 0..<book.orders.slotBound where book.orders[slot].live {
      guard let state = special(slot) else { continue }
      used += 1
      let view = book.orders[view: slot]
      let symbol = Int(book.orders[slot].symbol)
      let name = "\(symbols.infos[symbol].name) order \(view.id.value)"
      switch state.phase {
      case .working: break
      case .waiting:
        watching[symbol] += 1
        let price = view.extras.terms.stopPrice
        let level = book.orders[slot].level
        if level < 0 || book.levels[level].price != price {
          broken.append("\(name): waits at the wrong price")
        }
        let last = symbols.states[Int32(symbol)].counters.lastPrice
        let isMet = Self.firesAbove(view.side, view.type) ? last >= price : last <= price
        if last > 0, isMet { broken.append("\(name): was met and did not fire") }
      case .following:
        watching[symbol] += 1
        if !triggers[symbol].followers.contains(slot) {
          broken.append("\(name): follows without being told prices")
        }
      case .fired:
        watching[symbol] += 1
        if !triggers[symbol].turns.contains(where: { $0.slot == slot && !$0.isList }) {
          broken.append("\(name): fired without a turn")
        }
      case .pending:
        if view.status != .pendingNew || state.list < 0 {
          broken.append("\(name): waits for nothing")
        }
      }
      if state.list >= 0, lists[state.list].slots[Int(state.leg)] != slot {
        broken.append("\(name): its list does not know it")
      }
    }
    if used != book.specials.used { broken.append("special halves belong to no order") }
    checkLists(&broken, &watching)
    for symbol in watching.indices {
      if symbols.states[Int32(symbol)].watchers != watching[symbol] {
        broken.append("\(symbols.infos[symbol].name): watchers are miscounted")
      }
      if symbol < triggers.count, !triggers[symbol].prices.isEmpty {
        broken.append("\(symbols.infos[symbol].name): prices that nobody looked at")
      }
    }
  }

  // What is counted of each account's orders and lists, against the orders and lists themselves.
  func checkCounts(_ broken: inout [String]) {
    struct Counts: Equatable {
      var orders: Int32 = 0
      var algorithmic: Int32 = 0
      var icebergs: Int32 = 0
      var lists: Int32 = 0
    }
    var sheets: [UInt64: Counts] = [:]
    func name(_ account: Int32, _ symbol: Int32) -> UInt64 {
      UInt64(account) << 32 | UInt64(symbol)
    }
    for slot in 0..<book.orders.slotBound where book.orders[slot].live {
      let view = book.orders.view(slot)
      let name = name(book.orders[slot].account, book.orders[slot].symbol)
      sheets[name, default: Counts()].orders += 1
      if view.type.waitsForPrice { sheets[name, default: Counts()].algorithmic += 1 }
      if view.extras.terms.icebergQuantity > 0 { sheets[name, default: Counts()].icebergs += 1 }
    }
    for list in lists.open {
      sheets[name(lists[list].account, lists[list].symbol), default: Counts()].lists += 1
    }
    for account in 0..<ledger.accountCount {
      var all = Counts()
      for symbol in 0..<symbols.states.count {
        let sheet = accounts.sheet(account, symbol)
        let told = Counts(
          orders: sheet.count, algorithmic: sheet.algorithmic, icebergs: sheet.icebergs,
          lists: sheet.lists)
        if told != sheets[name(account, symbol)] ?? Counts() {
          broken.append("account \(accounts.id(account).value): a sheet counts \(told)")
        }
        all.orders += told.orders
        all.algorithmic += told.algorithmic
        all.icebergs += told.icebergs
        all.lists += told.lists
      }
      let state = accounts.states[account]
      let told = Counts(
        orders: state.openOrders, algorithmic: state.openAlgorithmic,
        icebergs: state.openIcebergs, lists: state.openLists)
      if told != all { broken.append("account \(accounts.id(account).value) counts \(told)") }
    }
  }

  private func checkLists(_ broken: inout [String], _ watching: inout [Int32]) {
    let open = lists.open
    if open.count != lists.used { broken.append("lists are miscounted") }
    for list in open {
      let state = lists[list]
      let live = (0..<3).filter { state.slots[$0] >= 0 }
      if state.phase == .placing { watching[Int(state.symbol)] += 1 }
      let isSound: Bool =
        switch state.phase {
        case .first: live.count == state.kind.legCount
        case .placing: live.count == state.kind.legCount - 1
        case .pair: live.count == 2
        case .single: live.count >= 1
        }
      for slot in live.map({ state.slots[$0] }) {
        let partner = state.partner(of: slot)
        if partner >= 0, book.orders.view(partner).quantity != book.orders.view(slot).quantity {
          broken.append("list \(state.id.value): the legs of its pair differ")
        }
      }
      if !isSound { broken.append("list \(state.id.value): \(live.count) legs in \(state.phase)") }
      for leg in live where !book.orders[state.slots[leg]].live {
        broken.append("list \(state.id.value): leg \(leg) is gone")
      }
      if lists.find(state.id) != list { broken.append("list \(state.id.value) is not found") }
    }
  }
}
