// EngineFuzz: a libFuzzer target: bytes as framed commands, applied to an exchange with two
// accounts and a symbol. Whatever
// decodes must get an answer, and leave every invariant standing.
//
// Built by scripts/fuzz-engine.sh; not part of the package.

import Engine
import Wire

private func setUp() -> Exchange {
  var exchange = Exchange()
  let filters = SymbolFilters(
    minPrice: 0, maxPrice: 0, tickSize: 1, minQuantity: 0, maxQuantity: 0, stepSize: 1)
  var commands: [Command] = [
    .addAsset(AddAsset(name: "BASE", scale: 4)), .addAsset(AddAsset(name: "QUOTE", scale: 2)),
    .addSymbol(
      AddSymbol(
        name: "BASEQUOTE", base: "BASE", quote: "QUOTE", filters: filters, makerRate: 100_000,
        takerRate: 100_000)),
  ]
  for i in 0..<2 as Range<UInt64> {
    commands.append(
      .createAccount(
        CreateAccount(
          name: "a\(i)", permissions: [.trade, .withdraw, .transfer], limits: .standard,
          apiKey: "k\(i)", sealedSecret: [])))
    for asset in [AssetID(1), AssetID(2)] {
      commands.append(
        .deposit(
          Funds(
            account: AccountID(AccountID.firstCustomer.value + i), asset: asset,
            amount: 1 << 58, id: "d\(i).\(asset.value)")))
    }
  }
  for command in commands { apply(command, key: .admin, to: &exchange, stamp: 1) }
  return exchange
}

private func apply(
  _ command: Command, key: KeyID, to exchange: inout Exchange, stamp: Int64
) {
  var batch = EventBatch()
  batch.begin(index: 1, stamp: stamp)
  let header = CommandHeader(
    requestID: RequestID(0, 0, 0, 0), key: key, timestamp: 0, deadline: .max)
  _ = exchange.apply(Request(header: header, command: command), stamp: stamp, &batch)
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start else { return 0 }
  var reader = ByteReader(Array(UnsafeBufferPointer(start: start, count: count)))
  var exchange = setUp()
  var stamp: Int64 = 2
  while reader.left > 0, let request = try? CommandCodec.decode(&reader) {
    stamp &+= request.header.timestamp & 0xFFFF_FFFF
    apply(request.command, key: request.header.key, to: &exchange, stamp: stamp)
  }
  precondition(exchange.checkInvariants().isEmpty, "an invariant broke")
  return 0
}
