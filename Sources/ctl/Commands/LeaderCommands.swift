// LeaderCommands: which node leads, and moving leadership.

import ArgumentParser
import Gateway
import Glibc

struct LeaderCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "leader", abstract: "Show which node leads, or move leadership.",
    subcommands: [LeaderShow.self, LeaderTransfer.self], defaultSubcommand: LeaderShow.self)
}

extension NodeRound {
  /// The node that says that it leads, in the newest term.
  var leader: (url: AdminURL, status: JSONValue)? {
    let leaders = answers.compactMap { answer -> (url: AdminURL, status: JSONValue)? in
      guard case .success(let status) = answer.result, status["role"]?.text == "leader" else {
        return nil
      }
      return (answer.url, status)
    }
    return leaders.max { ($0.status["term"]?.integer ?? 0) < ($1.status["term"]?.integer ?? 0) }
  }

  static func show(_ leader: (url: AdminURL, status: JSONValue), _ printing: OutputOptions) {
    let fields = ["id", "term", "clientAddress", "pid"].compactMap { name in
      leader.status[name].map { JSONValue.Field(name, $0) }
    }
    printing.show(.object([.init("url", .string(leader.url.description))] + fields))
  }
}

struct LeaderShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show which node leads.")
  @OptionGroup var cluster: ClusterOptions

  func run() throws {
    let round = NodeRound(try cluster.client())
    try round.requireAnswer()
    guard let leader = round.leader else {
      throw CtlFailure("none of the nodes that answer leads")
    }
    NodeRound.show(leader, cluster.printing)
  }
}

struct LeaderTransfer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transfer", abstract: "Hand leadership to another voter.",
    discussion: "Without --to it goes to the voter whose log is furthest. Waits until it is done.")

  @Option(help: ArgumentHelp("The id of the voter that is to lead.", valueName: "id"))
  var to: UInt64?

  @OptionGroup var cluster: ClusterOptions

  func run() throws {
    let client = try cluster.client()
    let before = NodeRound(client)
    try before.requireAnswer()
    guard let old = before.leader else { throw CtlFailure("none of the nodes that answer leads") }
    let id = old.status["id"]?.integer
    let direct = AdminClient(urls: [old.url], token: client.token, seconds: client.seconds)
    _ = try direct.send(
      .post("leader/transfer") { w in
        if let to { w.field("to", to) }
      })
    let end = HTTPExchange.now() + client.seconds
    while HTTPExchange.now() < end {
      if let new = NodeRound(client).leader,
        to.map({ new.status["id"]?.integer == Int64($0) }) ?? (new.status["id"]?.integer != id)
      {
        return NodeRound.show(new, cluster.printing)
      }
      usleep(50_000)
    }
    throw CtlFailure("node \(old.status.cell("id")) still leads")
  }
}
