// World+Levels: an operator who raises the level of behaviour, makes mistakes, and gives machines the newer program.
//
// Invariants: a program is only ever replaced by a newer one, while its process is down; once all is healed the
// operator goes on until the newest level is in force.
// Not here: who refuses a level (Replica), whether rightly (Checker+Levels).

import Engine
import Raft
import Replica

extension World {
  /// One more client, if the seed raises levels.
  func openOperator() {
    guard let after = swarm.raiseAfter else { return }
    let place = clients.count
    var client = Client(
      place: place, customer: Venue.Customer(account: .operator, key: .admin), node: anyNode())
    client.isOperator = true
    clients.append(client)
    alarm(place, after: after)
  }

  /// The operator looks up: raises the level, replaces a program, or does what must be refused.
  func operate(_ place: Int) {
    alarm(place, after: 1_000_000)
    if phase == .active, time > trialEnds, clientChance.chance(15),
      let old = nodes.filter(isOld).first
    {
      return renewProgram(old)
    }
    // As any node shows it.
    let level = nodes.compactMap { $0.life?.coordinator.level }.max() ?? Behaviour.first
    guard phase == .active || level < Behaviour.newest, mayRaise else { return }
    let isMistake = phase == .active && clientChance.chance(level < Behaviour.newest ? 10 : 4)
    guard isMistake || level < Behaviour.newest else { return }
    let wanted =
      isMistake
      ? clientChance.pick([Behaviour.newest + 1, max(Behaviour.first, level - 1)])
      : clientChance.chance(70) ? level + 1 : Behaviour.newest
    var operation = Operation(client: place, request: nil, since: time, floor: checker.answered)
    operation.request = request(.setLevel(SetLevel(level: wanted)), of: place)
    if let request = operation.request { checker.raises.insert(request.header.requestID) }
    trace("the operator wants level \(wanted)")
    begin(operation)
  }

  private func isOld(_ node: SimNode) -> Bool { node.newestLevel < Behaviour.newest }

  /// Whether every member can say what it applies, so that nobody holds the level back for good.
  private var mayRaise: Bool {
    phase == .active
      || members.allSatisfy { member in
        guard let node = node(member.id) else { return false }
        return node.incarnation == member.incarnation && !node.isLost && node.refusal == nil
      }
  }

  /// After healing: whether the newest level is in force, or nobody can raise it.
  func mayRest(at configuration: Configuration, _ leading: Life) -> Bool {
    swarm.raiseAfter == nil || leading.coordinator.level == Behaviour.newest || !mayRaise
  }

  // MARK: Programs

  private func renewProgram(_ node: SimNode) {
    mark(.programRenewed)
    trace("\(node.id) gets the newer program")
    node.newestLevel = Behaviour.newest
    guard node.life != nil else { return }
    kill(node, .process, why: "for the newer program")
    restart(node, after: chance.among(1_000..<2_000_000))
  }

  /// All that are old get the newer program.
  func renewPrograms() {
    for node in nodes where isOld(node) { renewProgram(node) }
  }
}
