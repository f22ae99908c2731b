// NodeCommands: status, health and verify: what the nodes say of themselves.

import ArgumentParser
import Gateway
import Glibc

/// What each node answered to one round of questions.
struct NodeRound {
  let answers: [(url: AdminURL, result: Result<JSONValue, CtlFailure>)]

  init(_ client: AdminClient) {
    answers = client.urls.map { ($0, client.ask(.get("status"), at: $0)) }
  }

  var statuses: [JSONValue] { answers.compactMap { try? $0.result.get() } }

  var readyCount: Int { statuses.count { $0["ready"] == .bool(true) } }

  /// Two nodes that differ in their state hash at one log index, as a sentence.
  var divergence: String? {
    for (i, a) in statuses.enumerated() {
      for b in statuses[..<i] where a["stateHash"] != b["stateHash"] {
        guard let index = a["stateHashIndex"]?.integer, index > 0,
          b["stateHashIndex"]?.integer == index
        else { continue }
        return
          "nodes \(b.cell("id")) and \(a.cell("id")) differ in their state at log index \(index)"
      }
    }
    return nil
  }

  /// Throws what kept every node from answering.
  func requireAnswer() throws(CtlFailure) {
    guard statuses.isEmpty else { return }
    let failures = answers.compactMap { answer -> CtlFailure? in
      if case .failure(let failure) = answer.result { failure } else { nil }
    }
    if let refused = failures.first(where: { $0.code != ExitStatus.unreachable }) { throw refused }
    let reasons = failures.map(\.description).joined(separator: "; ")
    throw CtlFailure("no node could be reached (\(reasons))", code: ExitStatus.unreachable)
  }

  /// A JSON array: each node's own words with its URL, or the error.
  var json: JSONValue {
    .array(
      answers.map { answer in
        let url = JSONValue.Field("url", .string(answer.url.description))
        switch answer.result {
        case .success(.object(let fields)): return .object([url] + fields)
        case .success(let value): return .object([url, .init("answer", value)])
        case .failure(let failure):
          return .object([url, .init("error", .string(failure.description))])
        }
      })
  }

  /// The log index at which a majority last agreed on the state, and what this node has to do with it.
  private static func agreement(_ status: JSONValue) -> String {
    if status["fenced"] == .bool(true) { return "fenced" }
    guard let agreed = status["agreement"], let index = agreed["index"]?.integer else { return "-" }
    let id = status["id"]?.integer
    let differs = agreed["different"]?.elements?.contains { $0.integer == id } ?? false
    return differs ? "\(index) differs" : "\(index)"
  }

  /// One line a node.
  var table: String {
    var table = Table(
      "URL", "ID", "ROLE", "TERM", "LEADER", "COMMIT", "APPLIED", "STORED", "READY", "AGREED",
      "STATE HASH")
    for (url, result) in answers {
      switch result {
      case .success(let s):
        table.add(
          url.description, s.cell("id"), s.cell("role"), s.cell("term"), s.cell("leader"),
          s.cell("commitIndex"), s.cell("appliedIndex"), s.cell("storedIndex"), s.cell("ready"),
          Self.agreement(s), "\(s.cell("stateHash").prefix(16)) @\(s.cell("stateHashIndex"))")
      case .failure(let failure):
        let reason = failure.description.replacingPrefix("\(url): ")
        table.add(url.description, "-", "-", "-", "-", "-", "-", "-", "no", "-", reason)
      }
    }
    return table.text
  }
}

extension JSONValue.Field {
  /// A member.
  init(_ name: String, _ value: JSONValue) { self.init(name: name, value: value) }
}

extension String {
  fileprivate func replacingPrefix(_ prefix: String) -> String {
    hasPrefix(prefix) ? String(dropFirst(prefix.count)) : self
  }
}

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show role, term, log indexes and state hash of every node.")
  @OptionGroup var cluster: ClusterOptions

  func run() throws {
    let round = NodeRound(try cluster.client())
    if cluster.printing.output == .json || !round.statuses.isEmpty {
      cluster.printing.show(round.json) { round.table }
    }
    try round.requireAnswer()
    if let divergence = round.divergence { throw CtlFailure(divergence) }
  }
}

struct HealthCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "health", abstract: "Succeed if the nodes are ready.",
    discussion: "Exits with 0 if they are, with 1 if not, with 2 if none could be reached.")

  @Option(help: ArgumentHelp("Wait up to so many seconds until they are.", valueName: "seconds"))
  var wait: Double = 0

  @Option(help: ArgumentHelp("How many nodes must be ready. Default: all.", valueName: "count"))
  var nodes: Int?

  @OptionGroup var cluster: ClusterOptions

  func run() throws {
    let patient = try cluster.client()
    let wanted = nodes ?? patient.urls.count
    guard (1...patient.urls.count).contains(wanted) else {
      throw ValidationError("--nodes must be from 1 to \(patient.urls.count)")
    }
    let end = HTTPExchange.now() + wait
    let client = AdminClient(
      urls: patient.urls, token: patient.token,
      seconds: wait > 0 ? min(patient.seconds, 2) : patient.seconds)
    var round = NodeRound(client)
    while round.readyCount < wanted, HTTPExchange.now() < end {
      usleep(100_000)
      round = NodeRound(client)
    }
    cluster.printing.show(round.json) {
      "\(round.readyCount) of \(patient.urls.count) nodes are ready"
    }
    try round.requireAnswer()
    if let divergence = round.divergence { throw CtlFailure(divergence) }
    if round.readyCount < wanted { throw CtlFailure(Self.reasons(round)) }
  }

  /// Why which nodes are not ready.
  private static func reasons(_ round: NodeRound) -> String {
    let reasons = round.answers.compactMap { answer -> String? in
      switch answer.result {
      case .success(let status) where status["ready"] == .bool(true): nil
      case .success(let status):
        "node \(status.cell("id")): \(status["reason"]?.text ?? "not ready")"
      case .failure(let failure): failure.description
      }
    }
    return "not ready: " + reasons.joined(separator: "; ")
  }
}

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Compare the state of all members at one log index.",
    discussion: "Exits with 1 if a member differs, or if one did not report.")
  @OptionGroup var cluster: ClusterOptions

  @Option(help: ArgumentHelp("Wait up to so many seconds for every node.", valueName: "seconds"))
  var wait: Double = 30

  func run() throws {
    let client = try cluster.client()
    let answer = try client.send(.post("verify") { _ in })
    guard let index = answer["index"]?.integer else { throw CtlFailure("the answer has no index") }
    let end = HTTPExchange.now() + wait
    var found = Self.hashes(NodeRound(client), index)
    while found.contains(where: { $0.hash == nil }), HTTPExchange.now() < end {
      usleep(50_000)
      found = Self.hashes(NodeRound(client), index)
    }
    show(found, index)
    let missing = found.filter { $0.hash == nil }.map(\.node)
    guard Set(found.compactMap(\.hash)).count <= 1 else {
      throw CtlFailure("the nodes differ in their state at log index \(index)")
    }
    guard missing.isEmpty else {
      throw CtlFailure(
        "no state hash at log index \(index) from \(missing.joined(separator: ", "))")
    }
  }

  private func show(_ found: [(node: String, hash: String?)], _ index: Int64) {
    let hashes = found.map { node, hash in
      JSONValue.object([
        .init("node", .string(node)), .init("stateHash", hash.map { .string($0) } ?? .null),
      ])
    }
    let isEqual = Set(found.map(\.hash)).count == 1 && found.first?.hash != nil
    let json = JSONValue.object([
      .init("index", .number("\(index)")), .init("equal", .bool(isEqual)),
      .init("hashes", .array(hashes)),
    ])
    cluster.printing.show(json) {
      var table = Table("NODE", "STATE HASH @\(index)")
      for (node, hash) in found { table.add(node, hash ?? "-") }
      return table.text
    }
  }

  /// Each node's hash at the index, where it has one.
  private static func hashes(
    _ round: NodeRound, _ index: Int64
  ) -> [(node: String, hash: String?)] {
    round.answers.map { url, result in
      guard case .success(let status) = result else { return (url.description, nil) }
      let at = status["hashes"]?.elements?.first { $0["index"]?.integer == index }
      return ("node \(status.cell("id"))", at?["stateHash"]?.text)
    }
  }
}
