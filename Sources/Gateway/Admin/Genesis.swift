// Genesis: the first facts of a cluster: its name, assets, symbols and discount, as a JSON file that all nodes share.
//
// Invariants: the same bytes give the same hash and the same commands on every node; nodes with another hash are
// refused by their peers.
// Not here: reading the file (Node), applying the commands (Engine).

import Engine

/// Why a genesis is refused, as one line.
public struct GenesisError: Error, Equatable, Sendable, CustomStringConvertible {
  /// For example `genesis: symbols[0].tickSize is missing`.
  public let description: String

  init(_ reason: String) { description = "genesis: \(reason)" }
}

/// Reads a genesis.
public enum Genesis {
  /// The largest genesis, in bytes.
  public static let bytesMax = 1 << 20

  /// The genesis of a node that was given none: a demonstration venue with BTCUSDT and ETHUSDT.
  public static let standard = [UInt8](
    """
    {
      "clusterId": "castle-demo",
      "assets": [
        {"name": "BTC", "scale": 8},
        {"name": "ETH", "scale": 8},
        {"name": "USDT", "scale": 8}
      ],
      "symbols": [
        {
          "name": "BTCUSDT", "base": "BTC", "quote": "USDT",
          "tickSize": "0.01", "stepSize": "0.00001", "minNotional": "5",
          "makerFee": "0.001", "takerFee": "0.001"
        },
        {
          "name": "ETHUSDT", "base": "ETH", "quote": "USDT",
          "tickSize": "0.01", "stepSize": "0.0001", "minNotional": "5",
          "makerFee": "0.001", "takerFee": "0.001"
        }
      ]
    }

    """.utf8)

  /// Reads a genesis: the cluster's id, the SHA-256 of the bytes, and the commands of the first log entry, which begin
  /// with the genesis mark. Unknown fields, repeated names, symbols of unknown assets and a discount in an unknown one
  /// are refused.
  public static func commands(
    _ json: [UInt8]
  ) throws(GenesisError) -> (clusterID: String, hash: [UInt8], commands: [Command]) {
    do throws(AdminFailure) {
      return try read(json)
    } catch {
      throw GenesisError(error.message)
    }
  }

  /// The SHA-256 of the bytes in 64 hexadecimal digits: what nodes show when they refuse each other.
  public static func hashText(_ json: [UInt8]) -> String { Hex.encode(SHA256.of(json)) }

  private static func read(
    _ json: [UInt8]
  ) throws(AdminFailure) -> (clusterID: String, hash: [UInt8], commands: [Command]) {
    var fields = try AdminFields(parsing: json, bytesMax: bytesMax)
    let clusterID = try fields.text("clusterId")
    guard isClusterID(clusterID) else {
      throw fields.wrong("clusterId", "must be 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")
    }
    let assetValues = try fields.optionalElements("assets") ?? []
    let symbolValues = try fields.optionalElements("symbols") ?? []
    let discountValue = fields.value("discount")
    try fields.finish()

    let hash = SHA256.of(json)
    var commands: [Command] = [.genesis(GenesisMark(clusterID: clusterID, hash: hash))]
    // The engine numbers assets and symbols from 1, in the order of the commands.
    var scales: [String: Int] = [:]
    var assetIDs: [String: AssetID] = [:]
    for (i, value) in assetValues.enumerated() {
      var item = try AdminFields(value, place: "assets[\(i)].")
      let asset = try SymbolDefinition.asset(&item)
      try item.finish()
      guard scales.updateValue(Int(asset.scale), forKey: asset.name) == nil else {
        throw item.wrong("name", "is there twice: \(asset.name)")
      }
      assetIDs[asset.name] = AssetID(UInt32(i) + 1)
      commands.append(.addAsset(asset))
    }
    let discount = try discountValue.map { value throws(AdminFailure) in
      try Self.discount(value) { assetIDs[$0] }
    }
    var names: Set<String> = []
    var offers: [Command] = []
    for (i, value) in symbolValues.enumerated() {
      var item = try AdminFields(value, place: "symbols[\(i)].")
      let symbol = try SymbolDefinition.symbol(&item) { scales[$0] }
      if try item.optionalFlag("discount") ?? false {
        guard discount != nil else {
          throw item.wrong("discount", "is true, but the genesis names no discount asset")
        }
        let offer = SetSymbolDiscount(symbol: SymbolID(UInt32(i) + 1), isOffered: true)
        offers.append(.setSymbolDiscount(offer))
      }
      try item.finish()
      guard names.insert(symbol.name).inserted else {
        throw item.wrong("name", "is there twice: \(symbol.name)")
      }
      commands.append(.addSymbol(symbol))
    }
    if let discount { commands.append(.setDiscount(discount)) }
    commands += offers
    // A new cluster begins with the newest behaviour; one that was upgraded is told when.
    commands.append(.setLevel(SetLevel(level: Behaviour.newest)))
    return (clusterID, hash, commands)
  }

  /// `{"asset", "factor"}`: what commission may be paid in, and what the standard commission is multiplied by then.
  private static func discount(
    _ value: JSONValue, idOf: (String) -> AssetID?
  ) throws(AdminFailure) -> DiscountSettings {
    var fields = try AdminFields(value, place: "discount.")
    let name = try fields.text("asset")
    guard let asset = idOf(name) else { throw fields.wrong("asset", "names no asset: \(name)") }
    let factor = try SymbolDefinition.factor(&fields)
    try fields.finish()
    return DiscountSettings(asset: asset, factor: factor)
  }

  private static func isClusterID(_ text: String) -> Bool {
    AdminNames.isName(text)
  }
}

/// Names that an operator chooses.
enum AdminNames {
  /// `[A-Za-z0-9._-]{1,64}`.
  static func isName(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
      }
  }
}
