// WorldClients: a random workload over all nodes: orders, cancels, repetitions under the same id, short deadlines.
// deadlines. Remembers every answer.
// Not here: the oracle (WorldChecker).

import Engine
import Raft
import TestSupport

@testable import Replica

final class WorldClients {
  struct Asked {
    var request: Request
    var outcomes: [Outcome] = []
    var open = 0
    /// No node can know it any more but by the log: its node died while it waited.
    var orphaned = 0
  }

  private(set) var asked: [Asked] = []
  private var tickets: [UInt64: (asked: Int, node: NodeID, life: UInt64)] = [:]
  private var nextTicket: UInt64 = 0
  private var nextRequest: UInt64 = 0
  private var nextClientID = 0
  private(set) var accounts: [(account: AccountID, key: KeyID)] = []
  let world: ClusterWorld
  private(set) var answers = 0

  init(_ world: ClusterWorld) {
    self.world = world
    world.onAnswer = { [unowned self] node, answer in take(answer, node) }
    world.onCrash = { [unowned self] node in forget(node) }
  }

  /// Tickets that live nodes still owe an answer.
  var owed: Int { tickets.count }

  func count(_ test: (Outcome) -> Bool) -> Int {
    asked.reduce(0) { $0 + $1.outcomes.count(where: test) }
  }

  // MARK: Asking

  func header(key: KeyID, window: Int64) -> CommandHeader {
    nextRequest += 1
    let time = ClusterWorld.wallStart + world.time
    return CommandHeader(
      requestID: RequestID(1, 2, 3, nextRequest), key: key, timestamp: key == .admin ? 0 : time,
      deadline: time + window)
  }

  @discardableResult
  func ask(_ request: Request, at node: WorldNode) -> Int {
    asked.append(Asked(request: request))
    submit(asked.count - 1, at: node)
    return asked.count - 1
  }

  /// Sends a request, perhaps again, to a node.
  func submit(_ place: Int, at node: WorldNode) {
    guard let life = node.life else { return }
    nextTicket += 1
    tickets[nextTicket] = (place, node.id, node.lives)
    asked[place].open += 1
    let submission = Submission(ticket: nextTicket, request: asked[place].request)
    life.coordinator.submit([submission], world.now(node), &life.effects)
  }

  private func take(_ answer: Answer, _ node: WorldNode) {
    guard let ticket = tickets.removeValue(forKey: answer.ticket) else {
      return world.checker.note("ticket \(answer.ticket) is answered twice or never asked")
    }
    answers += 1
    asked[ticket.asked].open -= 1
    asked[ticket.asked].outcomes.append(answer.outcome)
  }

  /// The node died: what it owed stays open for ever.
  func forget(_ node: WorldNode) {
    for (ticket, place) in tickets where place.node == node.id {
      tickets[ticket] = nil
      asked[place.asked].open -= 1
      asked[place.asked].orphaned += 1
    }
  }

  // MARK: A market

  /// Opens accounts with funds; `false` if that does not come about.
  func open(_ count: Int) -> Bool {
    for i in 0..<count {
      let create = CreateAccount(
        name: "account\(i)", permissions: [.trade, .withdraw],
        limits: OrderLimits(per10Seconds: 1_000_000, perDay: 1_000_000),
        apiKey: String(repeating: "k", count: 62) + "\(10 + i)", sealedSecret: [1, 2, 3])
      guard case .account(let account, let key)? = settle(.createAccount(create)) else {
        return false
      }
      accounts.append((account, key))
      for asset in [0, 1] as [UInt32] {
        guard let id = assetID(asset) else { return false }
        let funds = Funds(account: account, asset: id, amount: 10_000_000, id: "d\(i)-\(asset)")
        guard case .funds? = settle(.deposit(funds)) else { return false }
      }
    }
    return true
  }

  /// Assets in the order of the genesis.
  private func assetID(_ place: UInt32) -> AssetID? {
    let names = ["BTC", "USDT"]
    guard
      case .asset(let id)? = settle(
        .addAsset(AddAsset(name: names[Int(place)], scale: 2)), acceptDone: place)
    else { return nil }
    return id
  }

  private var symbol = SymbolID(0)

  /// Asks as the operator and waits for the reply.
  private func settle(_ command: Command, acceptDone: UInt32? = nil) -> Reply? {
    let request = Request(header: header(key: .admin, window: 60_000_000), command: command)
    let place = ask(request, at: world.nodes[0])
    let done = world.run(upTo: 12_000_000) { asked[place].open == 0 }
    guard done, case .reply(let reply, _, _)? = asked[place].outcomes.first else { return nil }
    if let acceptDone, reply == .done { return .asset(AssetID(acceptDone + 1)) }
    return reply
  }

  /// One random request of a random account to a random live node; sometimes an earlier one again.
  func trade(_ random: inout SeededRandom, repeats: Int64 = 15, shortDeadlines: Int64 = 5) {
    let node = world.nodes[Int(random.below(Int64(world.nodes.count)))]
    guard node.life != nil else { return }
    if random.chance(repeats), asked.count > 20 {
      return submit(asked.count - 1 - Int(random.below(15)), at: node)
    }
    let who = accounts[Int(random.below(Int64(accounts.count)))]
    let window = random.chance(shortDeadlines) ? 1_000 + random.below(30_000) : 5_000_000
    let head = header(key: who.key, window: window)
    let command: Command
    if random.chance(25), nextClientID > 5 {
      let victim = nextClientID - Int(random.below(5))
      command = .cancelOrder(
        CancelOrder(
          account: who.account, symbol: SymbolID(1), orderID: nil,
          originalClientOrderID: ShortText("c\(victim)") ?? .empty,
          cancelClientOrderID: ShortText("x\(nextRequest)") ?? .empty, restriction: .none))
    } else {
      nextClientID += 1
      command = .placeOrder(
        PlaceOrder(
          account: who.account, symbol: SymbolID(1), side: random.chance(50) ? .buy : .sell,
          type: .limit, timeInForce: .gtc, quantity: 100 + random.below(400),
          quoteOrderQuantity: 0, price: 95 + random.below(10),
          clientOrderID: ShortText("c\(nextClientID)") ?? .empty))
    }
    ask(Request(header: head, command: command), at: node)
  }

  // MARK: Checking

  /// Every answer fits the log, and all answers to one request are equal.
  func check(_ executed: [RequestID: WorldChecker.Executed], _ checker: WorldChecker) {
    for item in asked {
      let id = item.request.header.requestID
      if item.open != 0 { checker.note("request \(id.words.3) is owed an answer") }
      for outcome in item.outcomes {
        switch outcome {
        case .reply(let reply, let index, let stamp):
          let told = WorldChecker.Executed(reply: reply, index: index, stamp: stamp)
          if executed[id] != told {
            checker.note(
              "request \(id.words.3) was answered \(told), the log says"
                + " \(String(describing: executed[id]))")
          }
        case .expired:
          if let truth = executed[id], truth.reply != .rejected(.deadlinePassed) {
            checker.note("request \(id.words.3) was called expired, and was executed")
          }
        case .refused:
          if executed[id] != nil {
            checker.note("request \(id.words.3) was refused, and was executed")
          }
        case .unknown, .overloaded: break
        }
      }
    }
  }
}
