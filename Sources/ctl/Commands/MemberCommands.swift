// MemberCommands: who belongs to the cluster, and changing it.
//
// Not here: the rules of changes (Raft, behind the admin API).

import ArgumentParser
import Gateway
import Glibc

struct MemberCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "member", abstract: "List and change the members of the cluster.",
    discussion: """
      A new node is started first, with an empty data directory, an id that was never used, and --peers \
      that name itself and the present members. Then it is added, or takes the place of another.
      """,
    subcommands: [
      MemberList.self, MemberAdd.self, MemberPromote.self, MemberRemove.self, MemberReplace.self,
    ])
}

struct MemberList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Show the members, as the leader sees them.")
  @OptionGroup var cluster: ClusterOptions

  func run() throws {
    let members = try Self.members(try cluster.client())
    cluster.printing.show(members) {
      var table = Table("ID", "STANDING", "ADDRESS", "PRIORITY", "MATCH", "STATE")
      for member in members.elements ?? [] {
        table.add(
          member.cell("id"), member.cell("standing"), member.cell("address"),
          member.cell("priority"), member.cell("matchIndex"), Self.state(member))
      }
      return table.text
    }
  }

  /// The leader's list, or any node's if none leads.
  static func members(_ client: AdminClient) throws -> JSONValue {
    let round = NodeRound(client)
    try round.requireAnswer()
    return (round.leader?.status ?? round.statuses[0])["members"] ?? .array([])
  }

  private static func state(_ member: JSONValue) -> String {
    var words: [String] = []
    if member["suspect"] == .bool(true) { words.append("repairing its log") }
    if let old = member["replacing"]?.integer {
      words.append("replacing node \(old)")
    } else if member["promoting"] == .bool(true) {
      words.append("becoming a voter")
    }
    if let text = member["replication"]?.text, !text.isEmpty { words.append(text) }
    return words.joined(separator: ", ")
  }
}

/// Ids, and how long to wait for the change.
struct MemberOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Wait up to so many seconds until it is done.", valueName: "seconds"))
  var wait: Double = 60

  @OptionGroup var cluster: ClusterOptions

  /// Sends the change to the leader, and waits until `done` holds for the leader's members.
  ///
  /// A node that was just started may not have been heard from yet, or lag behind: such refusals are waited out.
  func change(
    _ verb: String, body: @escaping (inout JSONWriter) -> Void,
    until done: @escaping ([JSONValue]) -> Bool
  ) throws {
    let client = try cluster.client()
    let end = HTTPExchange.now() + wait
    var answer: JSONValue
    while true {
      do throws(CtlFailure) {
        answer = try client.send(.post("members/" + verb, isIdempotent: false, body))
        break
      } catch {
        guard Self.passes(error), HTTPExchange.now() < end else { throw error }
        usleep(100_000)
      }
    }
    while HTTPExchange.now() < end {
      if let members = try? MemberList.members(client).elements, done(members) {
        return cluster.printing.show(answer) { "done" }
      }
      usleep(100_000)
    }
    throw CtlFailure(
      "taken, but not finished after \(wait) s; it goes on: see exctl member list")
  }
}

extension MemberOptions {
  /// A refusal that time may heal.
  private static func passes(_ refusal: CtlFailure) -> Bool {
    ["has not been heard from", "wait until it has caught up", "has not committed in its term yet"]
      .contains { refusal.description.contains($0) }
  }
}

extension [JSONValue] {
  fileprivate func standing(of id: UInt64) -> String? {
    first { $0["id"]?.integer == Int64(exactly: id) }?["standing"]?.text
  }
}

struct MemberAdd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Add a node: as a learner first, as a voter when it has caught up."
  )
  @Argument(help: "The id of the new node, which runs.") var id: UInt64
  @Flag(help: "It stays a learner: gets everything, does not vote.") var learner = false
  @OptionGroup var options: MemberOptions

  func run() throws {
    let wanted = learner ? "learner" : "voter"
    try options.change(
      "add",
      body: { w in
        w.field("id", id)
        w.field("learner", learner)
      }, until: { $0.standing(of: id) == wanted })
  }
}

struct MemberPromote: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "promote", abstract: "Make a learner that has caught up a voter.")
  @Argument(help: "The id of the learner.") var id: UInt64
  @OptionGroup var options: MemberOptions

  func run() throws {
    try options.change(
      "promote", body: { $0.field("id", id) }, until: { $0.standing(of: id) == "voter" })
  }
}

struct MemberRemove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Remove a voter or a learner.")
  @Argument(help: "The id of the member.") var id: UInt64
  @OptionGroup var options: MemberOptions

  func run() throws {
    try options.change(
      "remove", body: { $0.field("id", id) }, until: { $0.standing(of: id) == nil })
  }
}

struct MemberReplace: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replace",
    abstract: "Put a new node in the place of a voter, in one step, once it has caught up.")
  @Argument(help: "The id of the voter that goes.") var id: UInt64
  @Option(name: .customLong("with"), help: "The id of the new node, which runs.") var with: UInt64
  @OptionGroup var options: MemberOptions

  func run() throws {
    try options.change(
      "replace",
      body: { w in
        w.field("id", id)
        w.field("with", with)
      }, until: { $0.standing(of: id) == nil && $0.standing(of: with) == "voter" })
  }
}
