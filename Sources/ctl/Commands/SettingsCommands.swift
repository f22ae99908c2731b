// SettingsCommands: what is set for the whole exchange: level, features, limits, the discount asset.

import ArgumentParser
import Gateway

struct SettingsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "settings", abstract: "Show and change what holds for the whole exchange.",
    subcommands: [Show.self, Refuse.self, Limits.self, Discount.self, Level.self],
    defaultSubcommand: Show.self)

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show level, refused features, limits and discount.")
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(.get("settings"))
    }
  }

  struct Refuse: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Refuse these features from now on, and serve all others.",
      discussion: """
        limitOrders, marketOrders, stopOrders, trailingStops, icebergs, peggedOrders, orderLists, cancelReplace, \
        amendments, deposits, withdrawals, transfers. Without any name everything is served. What rests stays, and can \
        always be cancelled.
        """)
    @Argument(help: "Names of features.") var features: [String] = []
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(
        .post("features") { w in
          w.key("refused")
          w.array { w in for feature in features { w.string(feature) } }
        })
    }
  }

  struct Limits: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Set what one account may have open on all symbols; what is not given has no limit."
    )
    @Option(help: "Open orders.") var maxOrders: UInt32 = 0
    @Option(help: "Stop and take-profit orders.") var maxAlgoOrders: UInt32 = 0
    @Option(help: "Iceberg orders.") var maxIcebergOrders: UInt32 = 0
    @Option(help: "Order lists.") var maxOrderLists: UInt32 = 0
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(
        .post("limits") { w in
          w.field("maxOrders", maxOrders)
          w.field("maxAlgoOrders", maxAlgoOrders)
          w.field("maxIcebergOrders", maxIcebergOrders)
          w.field("maxOrderLists", maxOrderLists)
        })
    }
  }

  struct Discount: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Name the asset that commission may be paid in at a lower rate; without one: none.",
      discussion:
        "Symbols and accounts are switched on by 'symbol discount' and 'account discount'.")
    @Argument(help: "For example BNB.") var asset: String?
    @Option(help: "What the standard commission is multiplied by, for example 0.75.")
    var factor: String?
    @OptionGroup var cluster: ClusterOptions

    func validate() throws {
      guard (asset == nil) == (factor == nil) else {
        throw ValidationError("an asset and --factor belong together")
      }
    }

    func run() throws {
      try cluster.show(
        .post("discount") { w in
          w.key("asset")
          if let asset { w.string(asset) } else { w.null() }
          if let factor { w.field("factor", factor) }
        })
    }
  }

  struct Level: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Raise the level of behaviour, on every replica at one log index. It never goes back.",
      discussion: "First asks every node of --admin-urls whether its program knows the level.")
    @Argument(help: "The new level.") var level: UInt32
    @Flag(help: "Do not ask the nodes first.") var force = false
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      if !force {
        let client = try cluster.client()
        for url in client.urls {
          let status = try client.ask(.get("status"), at: url).get()
          guard let newest = status["newestLevel"]?.integer, newest >= Int64(level) else {
            let id = status["id"]?.integer.map { "node \($0)" } ?? "this node"
            throw CtlFailure(
              "\(url): the program of \(id) does not know level \(level), so nothing was changed")
          }
        }
      }
      try cluster.show(.post("level") { $0.field("level", level) })
    }
  }
}
