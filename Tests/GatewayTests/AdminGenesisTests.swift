// AdminGenesisTests: the genesis is read in full or refused with one line.

import Engine
import Testing

@testable import Gateway

@Suite struct AdminGenesisTests {
  private func reason(_ json: String) -> String? {
    do {
      _ = try Genesis.commands(Array(json.utf8))
      return nil
    } catch {
      return error.description
    }
  }

  @Test func `the standard genesis is the demonstration venue`() throws {
    let genesis = try Genesis.commands(Genesis.standard)
    #expect(genesis.clusterID == "castle-demo")
    #expect(genesis.hash == SHA256.of(Genesis.standard))
    #expect(
      genesis.commands.first
        == .genesis(GenesisMark(clusterID: "castle-demo", hash: genesis.hash)))
    let symbols = genesis.commands.compactMap { command -> AddSymbol? in
      if case .addSymbol(let symbol) = command { symbol } else { nil }
    }
    #expect(genesis.commands.count == 7)
    #expect(symbols.map(\.name) == ["BTCUSDT", "ETHUSDT"])
    #expect(symbols.map(\.filters.tickSize) == [1_000_000, 1_000_000])
    #expect(symbols.map(\.filters.stepSize) == [1000, 10_000])
    #expect(symbols.map(\.filters.minNotional) == [500_000_000, 500_000_000])
    #expect(symbols.map(\.takerRate) == [100_000, 100_000])
  }

  @Test(arguments: [
    ("", "not JSON"), (#"{"assets":[]}"#, "clusterId is missing"),
    (#"{"clusterId":"a b"}"#, "clusterId must be"),
    (#"{"clusterId":"a","fees":1}"#, "unknown field fees"),
    (#"{"clusterId":"a","assets":[{"name":"B","scale":9}]}"#, "assets[0].scale must be"),
    (#"{"clusterId":"a","assets":[{"name":"B"},{"name":"B"}]}"#, "assets[1].name is there twice"),
    (#"{"clusterId":"a","symbols":[{"base":"B","quote":"C"}]}"#, "symbols[0].base names no asset"),
    (#"{"clusterId":"a","symbols":[7]}"#, "symbols[0] must be a JSON object"),
    (
      #"{"clusterId":"a","assets":[{"name":"B"},{"name":"C"}],"symbols":[{"base":"B","quote":"C","tickSize":"1","stepSize":"1","lotSize":"1"}]}"#,
      "unknown field symbols[0].lotSize"
    ),
    (
      #"{"clusterId":"a","assets":[{"name":"B"},{"name":"C"}],"symbols":[{"base":"B","quote":"C","tickSize":"1","stepSize":"1","minPrice":"3","maxPrice":"2"}]}"#,
      "symbols[0].name has filters that contradict each other"
    ),
    (
      #"{"clusterId":"a","assets":[{"name":"B"},{"name":"C"}],"symbols":[{"base":"B","quote":"C","tickSize":"1","stepSize":"2","marketStepSize":"3"}]}"#,
      "symbols[0].name has filters that contradict each other"
    ),
    (
      #"{"clusterId":"a","discount":{"asset":"BNB","factor":"1"}}"#,
      "discount.asset names no asset: BNB"
    ),
    (
      #"{"clusterId":"a","assets":[{"name":"B"}],"discount":{"asset":"B","factor":"1.01"}}"#,
      "discount.factor must be 0 to 1"
    ),
    (
      #"{"clusterId":"a","assets":[{"name":"B"}],"discount":{"asset":"B"}}"#,
      "discount.factor is missing"
    ),
    (
      #"{"clusterId":"a","assets":[{"name":"B"}],"discount":{"asset":"B","factor":"1","rate":1}}"#,
      "unknown field discount.rate"
    ),
    (#"{"clusterId":"a","discount":"BNB"}"#, "discount must be a JSON object"),
    (
      #"{"clusterId":"a","assets":[{"name":"B"},{"name":"C"}],"symbols":[{"base":"B","quote":"C","tickSize":"1","stepSize":"1","discount":true}]}"#,
      "symbols[0].discount is true, but the genesis names no discount asset"
    ),
  ])
  func `a broken genesis is refused with its place`(json: String, expected: String) throws {
    let line = try #require(reason(json))
    #expect(line.hasPrefix("genesis: ") && line.contains(expected), "\(line)")
  }

  @Test func `a genesis names the discount asset, its factor, and the symbols that offer it`()
    throws
  {
    let genesis = try Genesis.commands(
      Array(
        #"""
        {"clusterId":"a","discount":{"asset":"BNB","factor":"0.75"},
         "assets":[{"name":"BTC"},{"name":"USDT"},{"name":"BNB"}],
         "symbols":[{"base":"BTC","quote":"USDT","tickSize":"1","stepSize":"1","discount":false},
          {"base":"BNB","quote":"USDT","tickSize":"1","stepSize":"1"},
          {"base":"BTC","quote":"BNB","tickSize":"1","stepSize":"1","discount":true}]}
        """#.utf8))
    let venue = try Venue(genesis.commands)
    let catalog = venue.model.catalog
    #expect(catalog.asset(catalog.discount.asset)?.name == "BNB")
    #expect(catalog.discount.factor == 75_000_000)
    #expect(catalog.symbols.map(\.name) == ["BTCUSDT", "BNBUSDT", "BTCBNB"])
    #expect(catalog.symbols.map(\.offersDiscount) == [false, false, true])
  }

  @Test func `a genesis without symbols is enough`() {
    #expect(reason(#"{"clusterId":"bare"}"#) == nil)
  }
}
