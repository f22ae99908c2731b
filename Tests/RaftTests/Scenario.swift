// Scenario: plays a text transcript against the lab and writes down what happened.
//
// A transcript holds comments (#), commands (first column) and what they led to (two spaces). Playing
// it gives the same text again, or the behaviour has changed. After each command every node that
// changed is shown: role, term, commit index, the terms of its log (3*2 means term 3 twice), what of it
// is durable if not all, and its configuration if that changed.
// Not here: what each command does (ScenarioCommands).

import Raft

/// What playing a transcript gave.
struct ScenarioResult {
  var text: String
  var violation: String?
  /// How often the planted bug's branch ran.
  var plantedRuns: UInt64
}

/// Plays one transcript.
final class Scenario {
  var lab = Lab(1...1)
  var bug: PlantedBug?
  /// Messages put aside, to arrive late.
  var late: [Message] = []
  /// What the present command has to say besides the nodes' states.
  var said: [String] = []
  private var shown: [NodeID: String] = [:]
  private var shownConfiguration: [NodeID: String] = [:]
  private var shownReads = 0
  private var shownFailures = 0
  private var shownNeeds = 0
  private var shownViolation: String?

  static func play(_ text: String, bug: PlantedBug? = nil) -> ScenarioResult {
    let scenario = Scenario()
    scenario.bug = bug
    var lines: [String] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if line.hasPrefix("  ") { continue }
      lines.append(line)
      if line.isEmpty || line.hasPrefix("#") { continue }
      scenario.said.removeAll()
      scenario.perform(line.split(separator: " ").map(String.init))
      lines += scenario.report().map { "  " + $0 }
    }
    return ScenarioResult(
      text: lines.joined(separator: "\n"), violation: scenario.lab.checker.violation,
      plantedRuns: scenario.lab.plantedRuns)
  }

  /// A new cluster: nothing of it was shown yet.
  func begin(_ lab: Lab) {
    self.lab = lab
    for node in lab.nodes {
      shown[node.id] = state(node)
      shownConfiguration[node.id] = words(node.core?.configuration)
    }
  }

  // MARK: What happened

  private func report() -> [String] {
    var lines = said
    for node in lab.nodes {
      var line = state(node)
      let configuration = words(node.core?.configuration)
      let isNew = node.isUp && configuration != shownConfiguration[node.id]
      if shown[node.id] == line, !isNew { continue }
      shown[node.id] = line
      if isNew {
        shownConfiguration[node.id] = configuration
        line += "  \(configuration)"
      }
      lines.append(line)
    }
    let ready = lab.readsReady.keys.sorted()
    if ready.count > shownReads {
      shownReads = ready.count
      lines.append(
        "reads answered: " + list(ready.map { "\($0) at \(lab.readsReady[$0] ?? .zero)" }))
    }
    if lab.readsFailed.count > shownFailures {
      lines.append("reads failed: " + list(lab.readsFailed[shownFailures...].map { "\($0)" }))
      shownFailures = lab.readsFailed.count
    }
    for need in lab.snapshotsNeeded[shownNeeds...] {
      lines.append("node \(need.to) needs a snapshot that covers \(need.base)")
    }
    shownNeeds = lab.snapshotsNeeded.count
    if let violation = lab.checker.violation, violation != shownViolation {
      shownViolation = violation
      lines.append("VIOLATION \(violation)")
    }
    return lines
  }

  private func list(_ words: [String]) -> String { words.joined(separator: ", ") }

  /// One node in one line.
  func state(_ node: SimulatedNode) -> String {
    guard node.isUp, let role = node.role else { return "\(node.id): down" }
    var line = "\(node.id): \(role) term \(node.term) commit \(node.core?.commit ?? .zero)"
    line += " log " + Self.terms(node.shadow.map(\.term.value))
    let durable = node.core?.durableIndex.value ?? 0
    if durable < node.shadow.count { line += " durable \(durable)" }
    if node.core?.suspect != nil { line += " suspect" }
    if node.core?.voteUnreadable == true { line += " vote unreadable" }
    return line
  }

  /// Terms in a row: `1 2*3 5`.
  static func terms(_ terms: [UInt64]) -> String {
    guard !terms.isEmpty else { return "empty" }
    var runs: [(term: UInt64, count: Int)] = []
    for term in terms {
      if runs.last?.term == term {
        runs[runs.count - 1].count += 1
      } else {
        runs.append((term, 1))
      }
    }
    return runs.map { $0.count == 1 ? "\($0.term)" : "\($0.term)*\($0.count)" }
      .joined(separator: " ")
  }

  /// A configuration in words.
  func words(_ configuration: Configuration?) -> String {
    guard let configuration else { return "no configuration" }
    func ids(_ members: [Member]) -> String { list(members.map { "\($0.id)" }) }
    var words = "voters \(ids(configuration.voters))"
    if configuration.isJoint { words += " with \(ids(configuration.outgoing))" }
    if !configuration.learners.isEmpty { words += " learners \(ids(configuration.learners))" }
    if let promotion = configuration.promotion {
      words += " promoting \(promotion.learner)"
      if let old = promotion.replacing { words += " for \(old)" }
    }
    return words
  }
}
