// World+Clients: what clients ask, how they retry, and what they make of answers.
//
// Invariants:
//   * a client that does not know an outcome asks again under the same request id, at any node
//   * it says what it knows before it begins something new: `floor` is the newest log index that
//     anybody saw answered
// Not here: whether answers are right (Checker, Oracle).

import Engine
import Raft
import Replica

extension World {
  func openClients() {
    let customers = Venue.accounts
    for place in 0..<swarm.clients {
      let client = Client(
        place: place, customer: customers[place % customers.count],
        node: anyNode())
      clients.append(client)
      alarm(place, after: clientChance.among(0..<1_000_000))
    }
  }

  /// A client's alarm rings: begin something, or see to what is under way.
  func wake(_ client: Client) {
    let place = client.place
    // Of several alarms only the one that was set last counts.
    guard time >= client.alarm else { return }
    clients[place].alarm = .max
    guard let number = client.operation else {
      if client.isOperator {
        operate(place)
      } else if phase == .active {
        begin(place)
      }
      return
    }
    let operation = operations[number]
    if let request = operation.request, phase == .active,
      time - operation.since > 25_000_000, request.header.deadline < SimNode.wallStart + time
    {
      operations[number].outcome = .unknown
      tally.unknown += 1
      return rest(place)
    }
    attempt(place)
  }

  private func begin(_ place: Int) {
    var operation = Operation(
      client: place, request: nil, since: time, floor: checker.answered)
    if clientChance.chance(4), let earlier = repetition(of: place) {
      // Something that is answered already, once more: it must get the same answer.
      operation.request = operations[earlier].request
      operation.floor = 0
      tally.repetitions += 1
    } else if !clientChance.chance(swarm.readPercent) {
      operation.request = request(of: place)
    }
    begin(operation)
  }

  /// Asks for it, until there is an outcome.
  func begin(_ operation: Operation) {
    operations.append(operation)
    clients[operation.client].operation = operations.count - 1
    attempt(operation.client)
  }

  private func repetition(of place: Int) -> Int? {
    guard operations.count > 20 else { return nil }
    let number = operations.count - 1 - clientChance.below(20)
    let earlier = operations[number]
    guard let request = earlier.request, time - earlier.since < 20_000_000, !earlier.isOpen,
      request.header.key == clients[place].customer.key
    else { return nil }
    return number
  }

  /// A machine that a client may know.
  func anyNode() -> Int {
    for _ in 0..<8 {
      let place = clientChance.below(nodes.count)
      if nodes[place].standing == .running { return place }
    }
    return 0
  }

  private func request(of place: Int) -> Request {
    request(command(place, clients[place].customer), of: place)
  }

  /// A command as a client sends it, with a deadline of its own.
  func request(_ command: Command, of place: Int) -> Request {
    let customer = clients[place].customer
    let life = nodes[clients[place].node].life
    let stamp =
      life?.coordinator.clusterTime(nodes[clients[place].node].now(time))
      ?? SimNode.wallStart + time
    let window: Int64 = clientChance.chance(3) ? clientChance.among(1_000..<50_000) : 30_000_000
    let header = CommandHeader(
      requestID: RequestID(seed, UInt64(place), 7, UInt64(operations.count)), key: customer.key,
      timestamp: stamp, deadline: stamp + window)
    return Request(header: header, command: command)
  }

  private func command(_ place: Int, _ customer: Venue.Customer) -> Command {
    let number = clients[place].orders
    let name = { (kind: String, number: Int) in
      ShortText("\(kind)\(place)-\(number)") ?? .empty
    }
    if number > 3, clientChance.chance(35) {
      return .cancelOrder(
        CancelOrder(
          account: customer.account, symbol: Venue.symbol, orderID: nil,
          originalClientOrderID: name("c", number - clientChance.below(4)),
          cancelClientOrderID: name("x", operations.count), restriction: .none))
    }
    if clientChance.chance(2) {
      return .cancelAllOrders(
        CancelAllOrders(
          account: customer.account, symbol: Venue.symbol,
          cancelClientOrderID: name("x", operations.count)))
    }
    clients[place].orders += 1
    let isMarket = clientChance.chance(10)
    return .placeOrder(
      PlaceOrder(
        account: customer.account, symbol: Venue.symbol,
        side: clientChance.chance(50) ? .buy : .sell, type: isMarket ? .market : .limit,
        timeInForce: clientChance.chance(85) ? .gtc : .ioc,
        quantity: clientChance.among(100..<500), quoteOrderQuantity: 0,
        price: isMarket ? 0 : clientChance.among(95..<106), clientOrderID: name("c", number + 1)))
  }

  /// Sends what is under way to a node.
  private func attempt(_ place: Int) {
    guard let number = clients[place].operation else { return }
    operations[number].attempts += 1
    if operations[number].attempts > 1 || clientChance.chance(20) {
      clients[place].node = anyNode()
    }
    var node = nodes[clients[place].node]
    if lure.until > time, operations[number].request == nil, clientChance.chance(60) {
      node = nodes[lure.place]
    }
    let patience = clientChance.among(700_000..<3_000_000)
    guard node.life != nil, unreachable[node.place] == 0 else {
      return alarm(place, after: clientChance.among(20_000..<200_000))
    }
    alarm(place, after: patience)
    guard node.pausedUntil > time else { return ask(number, node) }
    // It waits in the socket until the process goes on.
    let lives = node.lives
    later(node.pausedUntil - time + (node.wakeLag.last ?? 0)) { [unowned self] in
      if node.lives == lives, node.life != nil { ask(number, node) }
    }
  }

  private func ask(_ number: Int, _ node: SimNode) {
    guard let life = node.life else { return }
    nextTicket += 1
    tickets[nextTicket] = Ticket(operation: number, node: node.place)
    let now = node.now(time)
    if let request = operations[number].request {
      checker.submits(request.header.requestID, node)
      trace("client \(operations[number].client) asks \(node.id) for write \(number)")
      life.coordinator.submit(
        [Submission(ticket: nextTicket, request: request)], now, &life.effects)
    } else {
      life.coordinator.read(nextTicket, now, &life.effects)
    }
    wantTurn(node, life)
  }

  func alarm(_ place: Int, after pause: Int64) {
    clients[place].alarm = time + pause
    queue.add(time + pause, .client, place)
  }

  /// Whatever the client did is over.
  private func rest(_ place: Int) {
    clients[place].operation = nil
    let isHasty = lure.until > time
    alarm(place, after: clientChance.among(isHasty ? 1_000..<50_000 : swarm.think))
  }

  // MARK: Answers

  func take(_ answer: Answer, _ node: SimNode) {
    guard let ticket = tickets.removeValue(forKey: answer.ticket) else {
      return checker.fail(
        "answers", "ticket \(answer.ticket) is answered twice, or was never asked")
    }
    let number = ticket.operation
    checker.see(answer, operations[number], node)
    let place = operations[number].client
    let isCurrent = clients[place].operation == number
    switch answer.outcome {
    case .reply(let reply, let index, let stamp):
      guard operations[number].isOpen else { return }
      operations[number].outcome = .replied(reply, index: index, stamp: stamp)
      tally.acknowledged += 1
      if case .rejected = reply { tally.rejected += 1 }
      checker.answered = max(checker.answered, index)
    case .expired:
      guard operations[number].isOpen else { return }
      operations[number].outcome = .expired
      tally.expired += 1
    case .unknown where isForgotten(operations[number], by: node):
      // Nobody can say any more; asking again is of no use.
      guard operations[number].isOpen else { return }
      mark(.outcomeForgotten)
      operations[number].outcome = .unknown
      tally.unknown += 1
    case .refused where operations[number].level != nil:
      guard operations[number].isOpen else { return }
      operations[number].outcome = .refused
    case .unknown, .overloaded, .refused:
      if isCurrent { alarm(place, after: clientChance.among(20_000..<300_000)) }
      return
    }
    if isCurrent { rest(place) }
  }

  /// True if the log's time is so far past the deadline that outcomes are not kept: nobody will
  /// ever say more.
  private func isForgotten(_ operation: Operation, by node: SimNode) -> Bool {
    guard let request = operation.request, let life = node.life else { return false }
    return life.coordinator.logStamp > request.header.deadline + 60_000_000
  }

  func take(read ticket: UInt64, _ index: UInt64, _ node: SimNode, _ life: Life) {
    guard let asked = tickets.removeValue(forKey: ticket) else {
      return checker.fail("answers", "read \(ticket) is answered twice, or was never asked")
    }
    checker.see(read: index, operations[asked.operation], node, life)
    guard operations[asked.operation].isOpen else { return }
    operations[asked.operation].outcome = .read(index: life.published)
    checker.answered = max(checker.answered, life.published)
    tally.reads += 1
    let place = operations[asked.operation].client
    if clients[place].operation == asked.operation { rest(place) }
  }

  func take(failedRead ticket: UInt64) {
    mark(.readFailed)
    guard let asked = tickets.removeValue(forKey: ticket) else {
      return checker.fail("answers", "read \(ticket) failed twice, or was never asked")
    }
    let place = operations[asked.operation].client
    if clients[place].operation == asked.operation {
      alarm(place, after: clientChance.among(20_000..<300_000))
    }
  }

  /// The node died: who waited there notices that the connection is gone.
  func lostTickets(of node: SimNode) {
    for ticket in tickets.keys.sorted() where tickets[ticket]?.node == node.place {
      guard let lost = tickets.removeValue(forKey: ticket) else { continue }
      let place = operations[lost.operation].client
      if clients[place].operation == lost.operation, clients[place].node == node.place {
        alarm(place, after: clientChance.among(1_000..<100_000))
      }
    }
  }
}
