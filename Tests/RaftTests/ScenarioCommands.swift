// ScenarioCommands: the words of the transcripts. docs/TESTING.md lists them.
//
// Not here: what is written down (Scenario), and the lab that the words drive (Lab).

import Raft

extension Scenario {
  func perform(_ words: [String]) {
    let ids = words.dropFirst().compactMap(UInt64.init)
    let first = ids.first ?? 0
    switch words[0] {
    case "nodes": found(Array(words.dropFirst()))
    case "elect": lab.elect(first, Array(ids.dropFirst()))
    case "settle": if ids.isEmpty { lab.exchange() } else { lab.exchange(ids) }
    case "run": run(ids)
    case "tick": lab.tick(first, ids.count > 1 ? Int(ids[1]) : 1)
    case "propose": propose(first, ids.count > 1 ? Int(ids[1]) : 1)
    case "fill": fill(ids)
    case "without": run(ids, losing: words[1])
    case "read": lab.read(first, ids[1])
    case "apply": for id in ids { lab.applyAll(id) }
    case "lost": lab.peerLost(first, ids[1])
    case "stepdown": stepDown(first)
    case "transfer": transfer(first, to: ids.count > 1 ? ids[1] : nil)
    case "priority": priority(ids)
    case "member": change(first, Array(words.dropFirst(2)))
    case "members": members(first)
    case "show": for id in ids { said.append(state(lab[id])) }
    case "pool": said += lab.pool.map(Self.words)
    default: performOnDiskOrNetwork(words, ids, first)
    }
  }

  private func performOnDiskOrNetwork(_ words: [String], _ ids: [UInt64], _ first: UInt64) {
    switch words[0] {
    case "crash": for id in ids { lab.crash(id) }
    case "start": for id in ids { lab.start(id) }
    case "hold": for id in ids { lab.heldDisks.insert(NodeID(id)) }
    case "persist": persist(first, words.count > 2 ? Int(ids[1]) : nil)
    case "release":
      for id in ids {
        lab.heldDisks.remove(NodeID(id))
        lab.persist(id)
      }
    case "lose": lab[first].disk.lose(after: LogIndex(ids[1]))
    case "damage":
      let isEndKnown = !words.contains("unknown")
      if words.contains("removal") {
        lab[first].damageRemoval(isEndKnown: isEndKnown)
      } else {
        lab[first].damage(after: LogIndex(ids[1]), isEndKnown: isEndKnown)
      }
    case "unreadable": lab[first].loseHardState()
    case "store": lab[first].stored = LogIndex(lab.commit(first))
    case "cut": lab.cut(first, ids[1])
    case "fetch": lab.answerFetches(first)
    case "install": lab.install(first, from: ids[1])
    case "deliver": deliver(first, ids[1], words.count > 3 ? words[3] : nil)
    case "drop": drop(words)
    case "late": setAside(words)
    case "arrive": arrive()
    case "inject": inject(words)
    default: said.append("UNKNOWN COMMAND")
    }
  }

  // MARK: The cluster

  /// `nodes 1 2 3 learners 4 spare 5 window=2000 perappend=1 inflight=4 floor=20 stable=40`
  private func found(_ words: [String]) {
    var sets: [String: [UInt64]] = [:]
    var numbers: [String: Int] = [:]
    var present = "voters"
    for word in words {
      if let id = UInt64(word) {
        sets[present, default: []].append(id)
      } else if let sign = word.firstIndex(of: "=") {
        numbers[String(word[..<sign])] = Int(word[word.index(after: sign)...])
      } else {
        present = word
      }
    }
    let settings = Settings(
      heartbeatTicks: 2, electionTicks: 10, entriesPerAppendMax: numbers["perappend"] ?? 1024,
      inflightAppendsMax: numbers["inflight"] ?? 64, windowBytesMax: numbers["window"] ?? 64 << 20,
      floorTicks: numbers["floor"] ?? 60_000, stableTicks: numbers["stable"])
    begin(
      Lab(
        voters: sets["voters"] ?? [], learners: sets["learners"] ?? [], spares: sets["spare"] ?? [],
        settings: settings, bug: bug))
  }

  /// Lets time pass; with nodes named, only those hear each other. Messages of one kind may be lost.
  private func run(_ ids: [UInt64], losing kind: String? = nil) {
    let among = ids.count > 1 ? Array(ids.dropFirst()) : lab.nodes.map(\.id.value)
    for _ in 0..<ids[0] {
      for id in among where lab[id].isUp { lab.tick(id) }
      lab.losing = kind.map { kind in { Self.kind($0) == kind } }
      lab.exchange(among)
      lab.losing = nil
    }
  }

  private func propose(_ id: UInt64, _ count: Int) {
    var accepted = 0
    for _ in 0..<count where lab.propose(id, Array(repeating: 1, count: 50)) != nil {
      accepted += 1
    }
    if accepted < count { said.append("\(accepted) of \(count) proposals taken") }
  }

  /// `fill 6 1 2`: node 1 proposes six entries, one by one; nodes 1 and 2 hear of them and apply them.
  private func fill(_ ids: [UInt64]) {
    let among = Array(ids.dropFirst())
    for _ in 0..<ids[0] {
      propose(among[0], 1)
      run([2] + among)
      for id in among { lab.applyAll(id) }
    }
    lab.pool.removeAll { !among.contains($0.to.value) }
  }

  private func stepDown(_ id: UInt64) {
    lab[id].core?.stepDown(&lab[id].output)
    lab.settle(lab[id])
  }

  private func transfer(_ id: UInt64, to target: UInt64?) {
    guard let target else { return lab.transfer(id) }
    let begun = lab[id].core?.transferLeadership(to: NodeID(target), &lab[id].output) ?? false
    lab.settle(lab[id])
    if !begun { said.append("no transfer to \(target)") }
  }

  /// `priority 2 150`: every node learns that node 2 has priority 150.
  private func priority(_ ids: [UInt64]) {
    for node in lab.nodes { node.core?.learnPriority(of: NodeID(ids[0]), UInt8(ids[1])) }
  }

  /// `member 1 add 4`, `add 4 promote`, `promote 4`, `remove 3`, `replace 3 4`; a last word
  /// `incarnation=20` gives the new node another one's.
  private func change(_ id: UInt64, _ words: [String]) {
    let ids = words.compactMap(UInt64.init)
    var newcomer = Member(id: NodeID(ids.last ?? 0), incarnation: (ids.last ?? 0) * 10)
    if let last = words.last, last.hasPrefix("incarnation=") {
      newcomer.incarnation = UInt64(last.dropFirst(12)) ?? 0
    }
    let change: MembershipChange
    switch words[0] {
    case "add": change = .addLearner(newcomer, promote: words.contains("promote"))
    case "promote": change = .promote(NodeID(ids[0]))
    case "remove": change = .remove(NodeID(ids[0]))
    default: change = .replace(NodeID(ids[0]), with: newcomer)
    }
    if let reason = lab.change(id, change) {
      said.append("refused: \(MembershipRefusal(reason))")
    }
  }

  private func members(_ id: UInt64) {
    for status in lab[id].core?.members ?? [] {
      var line = "member \(status.member.id): \(status.standing)"
      if let match = status.match { line += " match \(match)" }
      if let replication = status.replication { line += " \(replication)" }
      if status.isSuspect { line += " suspect" }
      said.append(line)
    }
  }

  // MARK: Disks and the network

  private func persist(_ id: UInt64, _ count: Int?) {
    guard let count else { return lab.persist(id) }
    let node = lab[id]
    for _ in 0..<count {
      guard let write = node.disk.finishNext(now: Int.max) else { return }
      lab.checker.observeDurable(write, of: node)
      lab.pool += write.afterDurable
      node.core?.logPersisted(write.sequence, &node.output)
      lab.settle(node)
    }
  }

  private func deliver(_ from: UInt64, _ to: UInt64, _ kind: String?) {
    guard let kind else { return lab.deliver(from, to: to) }
    let matching = { (m: Message) in
      m.from.value == from && m.to.value == to && Self.kind(m) == kind
    }
    let due = lab.pool.filter(matching)
    lab.pool.removeAll(where: matching)
    for message in due { lab.inject(message) }
  }

  /// `drop`, `drop append`, `drop 1 2` (from 1 to 2), `drop to 3`, `drop from 3`
  private func drop(_ words: [String]) { lab.pool.removeAll { Self.fits($0, words) } }

  /// Puts messages aside that `arrive` delivers later; they stay in the pool's order.
  private func setAside(_ words: [String]) {
    late += lab.pool.filter { Self.fits($0, words) }
    lab.pool.removeAll { Self.fits($0, words) }
  }

  private func arrive() {
    let due = late
    late.removeAll()
    for message in due where lab[message.to.value].isUp { lab.inject(message) }
  }

  private static func fits(_ message: Message, _ words: [String]) -> Bool {
    let ids = words.compactMap(UInt64.init)
    if words.count == 1 { return true }
    if words[1] == "to" { return message.to.value == ids[0] }
    if words[1] == "from" { return message.from.value == ids[0] }
    if ids.count == 2 { return message.from.value == ids[0] && message.to.value == ids[1] }
    return words.dropFirst().contains(kind(message))
  }

  /// `inject vote 3 2 term 5 last 1.9 [transfer]`, `inject append 1 2 term 2 after 1.1 entries 2 2
  /// commit 1`, `inject prevote 3 2 term 5 last 1.9`, `inject timeoutNow 1 2 term 1`
  private func inject(_ words: [String]) {
    func value(after word: String) -> String? {
      words.firstIndex(of: word).map { words[$0 + 1] }
    }
    func entryID(_ word: String?) -> EntryID {
      let parts = (word ?? "0.0").split(separator: ".").compactMap { UInt64($0) }
      return EntryID(term: Term(parts[0]), index: LogIndex(parts[1]))
    }
    let body: Message.Body
    switch words[1] {
    case "vote":
      body = .voteRequest(last: entryID(value(after: "last")), transfer: words.contains("transfer"))
    case "prevote": body = .preVoteRequest(last: entryID(value(after: "last")))
    case "append":
      let previous = entryID(value(after: "after"))
      let start = words.firstIndex(of: "entries") ?? words.count
      let terms = words.suffix(from: min(start + 1, words.count)).prefix { UInt64($0) != nil }
      let entries = terms.enumerated().map { i, term in
        Entry(
          id: EntryID(term: Term(UInt64(term) ?? 0), index: previous.index + (i + 1)),
          kind: .command, payload: [9])
      }
      let commit = LogIndex(UInt64(value(after: "commit") ?? "0") ?? 0)
      body = .append(
        Message.Append(previous: previous, entries: entries, commit: commit, cuttable: .zero))
    case "heartbeat":
      body = .heartbeat(
        Message.Heartbeat(commit: entryID(value(after: "commit")), cuttable: .zero, round: 0))
    default: body = .timeoutNow
    }
    lab.inject(
      Message(
        from: NodeID(UInt64(words[2]) ?? 0), to: NodeID(UInt64(words[3]) ?? 0),
        term: Term(UInt64(value(after: "term") ?? "0") ?? 0), body: body))
  }

  // MARK: Messages in words

  static func kind(_ message: Message) -> String {
    switch message.body {
    case .preVoteRequest: "prevote"
    case .preVoteResponse: "prevoted"
    case .voteRequest: "vote"
    case .voteResponse: "voted"
    case .append: "append"
    case .appendResponse: "appended"
    case .heartbeat: "heartbeat"
    case .heartbeatResponse: "heartbeaten"
    case .readRequest: "read"
    case .readResponse: "readindex"
    case .timeoutNow: "timeoutNow"
    case .standingRequest: "standing?"
    case .standingResponse: "standing"
    }
  }

  static func words(_ message: Message) -> String {
    var line = "\(message.from) to \(message.to): term \(message.term) \(kind(message))"
    switch message.body {
    case .preVoteRequest(let last), .voteRequest(let last, _): line += " last \(last)"
    case .preVoteResponse(let granted), .voteResponse(let granted):
      line += granted ? " yes" : " no"
    case .append(let append):
      line += " after \(append.previous) entries "
      line += Scenario.terms(append.entries.map(\.term.value)) + " commit \(append.commit)"
    case .appendResponse(.accepted(let match)): line += " up to \(match)"
    case .appendResponse(.conflict(let previous, let hint)):
      line += " conflict at \(previous), try \(hint)"
    case .heartbeat(let heartbeat): line += " commit \(heartbeat.commit.index)"
    case .heartbeatResponse(let response):
      line += " last \(response.last)" + (response.isSuspect ? " suspect" : "")
    case .standingResponse(let standing): line += " last \(standing.last)"
    case .readResponse(_, let index): line += index.map { " \($0)" } ?? " no"
    case .readRequest, .timeoutNow, .standingRequest: break
    }
    return line
  }
}
