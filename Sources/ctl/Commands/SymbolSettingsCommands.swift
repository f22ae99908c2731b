// SymbolSettingsCommands: what is set for one trading pair that is there.

import ArgumentParser
import Gateway

extension SymbolCommand {
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show filters, rules, self-trade prevention and commissions of a pair.")
    @Argument(help: "For example BTCUSDT.") var name: String
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(.get("symbols/\(try pathPart(name))"))
    }
  }

  struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Move a pair to TRADING, HALT, BREAK, CANCEL_ONLY or END_OF_DAY.")
    @OptionGroup var change: Change
    @Argument(help: "The market state.") var status: String
    func run() throws { try change.send(status) }
  }

  struct Filters: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Change filters of a pair; what is not named stays, and so does what rests.",
      discussion: """
        Amounts: minPrice maxPrice minQuantity maxQuantity marketMinQuantity marketMaxQuantity marketStepSize \
        minNotional maxNotional maxPosition. Yes or no: applyMinToMarket applyMaxToMarket. Counts: \
        maxOpenOrders icebergParts maxAlgoOrders maxIcebergOrders maxOrderLists maxOrderAmends. Bands as \
        UP:DOWN, multipliers of the reference price: percentPrice percentPriceBid percentPriceAsk \
        executionBid executionAsk. trailingDelta as MINABOVE:MAXABOVE:MINBELOW:MAXBELOW. 0 switches a bound \
        off.
        """)
    @Argument(help: "For example BTCUSDT.") var name: String
    @Argument(help: "For example minNotional=5 percentPriceBid=1.2:0.8") var filters: [String]
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      let parts = try filters.map(Self.parse)
      try cluster.show(
        .post("symbols/\(try pathPart(name))/filters") { w in
          for (name, value) in parts {
            w.key(dynamic: name)
            Self.write(name, value, to: &w)
          }
        })
    }

    private static let counts: Set<String> = [
      "maxOpenOrders", "icebergParts", "maxAlgoOrders", "maxIcebergOrders", "maxOrderLists",
      "maxOrderAmends",
    ]

    private static func parse(_ text: String) throws -> (name: String, value: [String]) {
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { throw ValidationError("'\(text)' is not NAME=VALUE") }
      let value = parts[1].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard parts[0] != "trailingDelta" || value.count == 4 else {
        throw ValidationError("trailingDelta takes four numbers, as 10:2000:10:2000")
      }
      let areCounts = counts.contains(parts[0]) || parts[0] == "trailingDelta"
      guard !areCounts || value.allSatisfy({ UInt32($0) != nil }) else {
        throw ValidationError("'\(text)' is no count")
      }
      return (parts[0], value)
    }

    private static func write(_ name: String, _ value: [String], to w: inout JSONWriter) {
      switch value.count {
      case 2:
        w.object {
          $0.field("up", value[0])
          $0.field("down", value[1])
        }
      case 4:
        w.object { w in
          for (bound, count) in zip(["minAbove", "maxAbove", "minBelow", "maxBelow"], value) {
            w.key(dynamic: bound)
            w.int(UInt32(count) ?? 0)
          }
        }
      default:
        let text = value.joined(separator: ":")
        if text == "true" || text == "false" {
          w.bool(text == "true")
        } else if counts.contains(name) {
          w.int(UInt32(text) ?? 0)
        } else {
          w.string(text)
        }
      }
    }
  }

  struct SelfTrade: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "self-trade",
      abstract: "Set which modes of self-trade prevention orders may ask for.",
      discussion: "NONE, EXPIRE_TAKER, EXPIRE_MAKER, EXPIRE_BOTH, DECREMENT, TRANSFER.")
    @Argument(help: "For example BTCUSDT.") var name: String
    @Argument(help: "The modes that are allowed.") var allowed: [String]
    @Option(help: "The mode of orders that ask for none.") var standard: String
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(
        .post("symbols/\(try pathPart(name))/self-trade") { w in
          w.key("allowed")
          w.array { w in for mode in allowed { w.string(mode) } }
          w.field("standard", standard)
        })
    }
  }

  struct Commission: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Set what accounts pay on a pair; orders that rest keep their terms.",
      discussion: "Each layer as MAKER:TAKER or MAKER:TAKER:BUYER:SELLER, fractions such as 0.001.")
    @Argument(help: "For example BTCUSDT.") var name: String
    @Option(help: "Of this account only. Default: of all that have no terms of their own.")
    var account: String?
    @Option(help: "The standard layer.") var standard: String
    @Option(help: "The tax layer. Default: nothing.") var tax: String?
    @Option(help: "The special layer. Default: nothing.") var special: String?
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      let layers = [
        ("standard", try Self.rates(standard)), ("tax", try tax.map(Self.rates)),
        ("special", try special.map(Self.rates)),
      ]
      try cluster.show(
        .post("symbols/\(try pathPart(name))/commission") { w in
          if let account { w.field("account", account) }
          for (layer, rates) in layers {
            guard let rates else { continue }
            w.key(dynamic: layer)
            w.object { w in
              for (role, rate) in zip(["maker", "taker", "buyer", "seller"], rates) {
                w.key(dynamic: role)
                w.string(rate)
              }
            }
          }
        })
    }

    private static func rates(_ text: String) throws -> [String] {
      let rates = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard rates.count == 2 || rates.count == 4 else {
        throw ValidationError("'\(text)' is not MAKER:TAKER or MAKER:TAKER:BUYER:SELLER")
      }
      return rates
    }
  }

  struct Discount: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Offer commission in the discount asset on a pair, or no more.")
    @Argument(help: "For example BTCUSDT.") var name: String
    @Argument(help: "on or off.") var offered: Switch
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(
        .post("symbols/\(try pathPart(name))/discount") { $0.field("offered", offered == .on) })
    }
  }
}

/// On or off.
enum Switch: String, ExpressibleByArgument, CaseIterable {
  case on
  case off
}
