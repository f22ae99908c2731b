// Quarantine: what becomes of a command in which the engine finds its own state broken.
//
// The fault is a value, found before the first change, so the command is refused with nothing done;
// its symbol is halted, on every replica at the same log index, and the other symbols go on. The
// operator looks, and sets the symbol to TRADING again (or to CANCEL_ONLY first).
// This is the one refusal that changes state: the symbol's status, its row and its event.
// A fault that an order finds later than its command (a stop that fired, a leg, the second half of
// a cancel-replace) ends that order alone, and halts the symbol just so.
// Not here: faults that nothing foresaw: a node that died twice at one log index (Node).

/// Bugs that a test plants to see that its checks catch them. Never set outside of tests and the
/// simulator.
package enum PlantedBug: UInt8, Sendable, CaseIterable {
  case none
  /// The next order on the symbol `plantedSymbol` finds the engine's state broken.
  case fault
  /// The next order that enters the market on `plantedSymbol` later than its command does so.
  case turnFault
  /// A fault like `fault`, after which the symbol is not halted.
  case faultUnhalted
  /// A buyer's fee is taken, and given to nobody.
  case feeLost
  /// A partial fill of a resting BUY order releases one unit less than it should.
  case holdKept
  /// A cancelled order keeps what it held.
  case cancelKeepsHold
  /// Trade ids advance by two.
  case tradeIDSkips
  /// Fills do not lower the counts of unfilled orders.
  case countsNotLowered
  /// A MARKET BUY by quote quantity may take one step more than it pays for.
  case overspends
  /// A withdrawal that failed is posted as if it had arrived.
  case failedIsPosted
  /// A deposit's id is not kept.
  case depositForgotten
  /// FOK orders take what there is.
  case fokPartial
  /// Orders are taken in CANCEL_ONLY.
  case statusIgnored
  /// The price band is not looked at when a taker trades.
  case rangeIgnored
  /// An order that took at a better price than its limit locks one unit more than its rest needs.
  case improvementKept
  /// An amended order goes to the end of its queue.
  case amendLosesPlace
  /// A cancel-replace goes on after its cancel failed, whatever its mode.
  case replaceGoesOn
  /// Pending legs are placed although the first leg was not filled.
  case pendingAnyway
  /// A stop fires only beyond its price.
  case stopLate
  /// Self-trade prevention is left out for LIMIT orders.
  case selfTradeAllowed
  /// Deposits may exceed what can be issued.
  case issueUnbounded
  /// An iceberg's next slice is all that is left of it.
  case sliceWhole
  /// A transfer arrives at the fee account.
  case transferAstray
  /// Levels that become empty are not told.
  case levelUntold
  /// Orders with a strategy id do not rest.
  case strategyMatters
  /// Withdrawals by the operator may take more than there is.
  case overdraft
  /// Sizes off the grid are taken.
  case stepIgnored
  /// LIMIT orders that rest do not look at the other side before.
  case bookCrossed
  /// A cancel is told twice.
  case toldTwice
  /// An order that was executed in part cannot be cancelled.
  case cancelRefused
  /// A trailing order's extreme follows the price back until it is met.
  case trailingBack
  /// Orders that are met together take their turns from the last to the first.
  case turnsReversed
  /// A closed order's slot is not used again.
  case slotLeaked
  /// Counters of symbols are not stored.
  case counterStale
  /// An amendment of an order that will trade at any price is not checked against NOTIONAL.
  case amendUnchecked
  /// A client id that an open order has is taken again.
  case openIDTaken
  /// The discount is taken off tax and special commission too.
  case discountOnTax
  /// What free money of the discount asset a taker's own order needs is taken from it.
  case discountPromised
  /// A commission in the discount asset is told and not taken.
  case discountUntaken
  /// A commission that is converted over a third asset is not converted into it first.
  case discountUnbridged
  /// A price that is older than a day says what the discount asset is worth.
  case discountStale
}

extension Exchange {
  /// Refuses the command and halts its symbol.
  mutating func quarantine(_ command: Command, _ events: inout EventBatch) {
    guard let id = command.tradedSymbol, let symbol = symbols.place(id) else { return }
    halt(symbol, after: .engineFault, &events)
  }

  /// Halts a symbol on which an order met an engine fault; nothing for any other reason.
  mutating func halt(_ symbol: Int32, after reason: Rejection, _ events: inout EventBatch) {
    guard reason == .engineFault, symbols.states[symbol].status != .halt,
      planted != .faultUnhalted
    else { return }
    symbols.setStatus(symbol, .halt)
    noteChanged(symbol, &events)
  }

  /// Whether what an order is about to trade with is in order: the book not crossed, the best level
  /// as its first order says, that order's hold in its account. O(1).
  @inline(__always)
  func checkSound(_ admission: Admission, _ side: Side) throws(Rejection) {
    let state = symbols.states[admission.symbol]
    let (bid, ask) = (state.bids.best, state.asks.best)
    if bid >= 0, ask >= 0, book.levels[bid].price >= book.levels[ask].price {
      throw .engineFault
    }
    let best = side == .buy ? ask : bid
    if best >= 0 {
      let slot = book.levels[best].head
      guard book.levels[best].count > 0, slot >= 0, book.orders[slot].live else {
        throw .engineFault
      }
      let record = book.orders[slot]
      let asset = side == .buy ? state.base : state.quote
      guard record.remaining > 0, record.symbol == admission.symbol,
        ledger.locked(record.account, asset) > 0
      else { throw .engineFault }
    }
    if planted == .fault || planted == .faultUnhalted, state.id == plantedSymbol {
      throw .engineFault
    }
  }
}

extension Command {
  /// The symbol whose orders the command is about.
  var tradedSymbol: SymbolID? {
    switch self {
    case .placeOrder(let order): order.symbol
    case .cancelOrder(let cancel): cancel.symbol
    case .cancelAllOrders(let cancel): cancel.symbol
    case .cancelReplace(let replace): replace.cancel.symbol
    case .amendOrder(let amend): amend.symbol
    case .placeOrderList(let list): list.symbol
    case .cancelOrderList(let cancel): cancel.symbol
    default: nil
    }
  }
}
