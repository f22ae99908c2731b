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
      if !isSound { broken.append("list \(state.id.value): \(live.count) legs in \(state.phase)") }
      for leg in live where !book.orders[state.slots[leg]].live {
        broken.append("list \(state.id.value): leg \(leg) is gone")
      }
      if lists.find(state.id) != list { broken.append("list \(state.id.value) is not found") }
    }
  }
}
