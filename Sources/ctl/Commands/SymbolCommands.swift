// SymbolCommands: assets and trading pairs.

import ArgumentParser
import Gateway

struct AssetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "asset", abstract: "Add, list and limit assets.",
    subcommands: [Add.self, List.self, Limit.self])

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Add an asset.")
    @Argument(help: "1 to 20 of A-Z and 0-9.") var name: String
    @Option(help: "Decimals, 0 to 8.") var scale: UInt8 = 8
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(
        .post("assets") { w in
          w.field("name", name)
          w.field("scale", scale)
        })
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List assets.")
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(.get("assets")) { answer in
        var table = Table("ID", "NAME", "SCALE")
        for asset in answer["assets"]?.elements ?? [] {
          table.add(asset.cell("assetId"), asset.cell("name"), asset.cell("scale"))
        }
        return table.text
      }
    }
  }
}

extension AssetCommand {
  struct Limit: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Set the most of an asset in one order; 0: no bound.")
    @Argument(help: "For example BTC.") var name: String
    @Argument(help: "A decimal number.") var orderMax: String
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(
        .post("assets/\(try pathPart(name))/limit") { $0.field("orderMax", orderMax) })
    }
  }
}

struct SymbolCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "symbol", abstract: "Add, list, show, change, halt and resume trading pairs.",
    subcommands: [
      Add.self, List.self, Show.self, Halt.self, Resume.self, CancelOnly.self, Status.self,
      Filters.self, SelfTrade.self, Commission.self, Discount.self,
    ])

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add a trading pair of two assets; it trades at once.",
      discussion: "Amounts are decimal numbers; 0 switches a bound off.")
    @Argument(help: "Usually base and quote joined, for example BTCUSDT.") var name: String
    @Option var base: String
    @Option var quote: String
    @Option(help: "Smallest price step.") var tickSize: String
    @Option(help: "Smallest quantity step.") var stepSize: String
    @Option(help: "Default: one tick.") var minPrice: String?
    @Option(help: "Default: 1000000, or 10^8 ticks.") var maxPrice: String?
    @Option(help: "Default: one step.") var minQuantity: String?
    @Option(help: "Default: 9000, or 10^9 steps.") var maxQuantity: String?
    @Option(help: "Smallest price times quantity. Default: 0.") var minNotional: String?
    @Option(help: "Open orders of one account. Default: 200.") var maxOpenOrders: UInt32?
    @Option(help: "Commission as a fraction. Default: 0.001.") var makerFee: String?
    @Option(help: "Commission as a fraction. Default: 0.001.") var takerFee: String?
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(
        .post("symbols", isIdempotent: false) { w in
          w.field("name", name)
          w.field("base", base)
          w.field("quote", quote)
          w.field("tickSize", tickSize)
          w.field("stepSize", stepSize)
          for (member, value) in optional {
            guard let value else { continue }
            w.key(dynamic: member)
            w.string(value)
          }
          if let maxOpenOrders { w.field("maxOpenOrders", maxOpenOrders) }
        })
    }

    private var optional: [(String, String?)] {
      [
        ("minPrice", minPrice), ("maxPrice", maxPrice), ("minQuantity", minQuantity),
        ("maxQuantity", maxQuantity), ("minNotional", minNotional), ("makerFee", makerFee),
        ("takerFee", takerFee),
      ]
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List trading pairs.")
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(.get("symbols")) { answer in
        var table = Table(
          "ID", "NAME", "STATUS", "TICK", "STEP", "MIN NOTIONAL", "MAKER FEE", "TAKER FEE")
        for symbol in answer["symbols"]?.elements ?? [] {
          table.add(
            symbol.cell("symbolId"), symbol.cell("name"), symbol.cell("status"),
            symbol.cell("tickSize"), symbol.cell("stepSize"), symbol.cell("minNotional"),
            symbol.cell("makerFee"), symbol.cell("takerFee"))
        }
        return table.text
      }
    }
  }

  /// The argument and the call that the three changes of state share.
  struct Change: ParsableArguments {
    @Argument(help: "For example BTCUSDT.") var name: String
    @OptionGroup var cluster: ClusterOptions

    func send(_ status: String) throws {
      let path = "symbols/\(try pathPart(name))/status"
      try cluster.show(.post(path) { $0.field("status", status) })
    }
  }

  struct Halt: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Stop all trading of a pair.")
    @OptionGroup var change: Change
    func run() throws { try change.send("HALT") }
  }

  struct Resume: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Let a pair trade again.")
    @OptionGroup var change: Change
    func run() throws { try change.send("TRADING") }
  }

  struct CancelOnly: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Take cancels only.")
    @OptionGroup var change: Change
    func run() throws { try change.send("CANCEL_ONLY") }
  }
}
