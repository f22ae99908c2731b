// ScenarioFunds: how money moves in a scenario.
//
//   transfer alice 1 BTC to carol id t1          alice transfer alice 1 BTC to carol id t1
//   alice asks 1 BTC fee 0.1 to ADDRESS id w1    withdrawal w1 of alice approved (or: alice withdrawal ...)
//
// The first word is who asks; without one it is the operator.

import Engine

extension ScenarioVenue {
  mutating func transfer(_ words: inout Words, by account: AccountID?) throws -> [String] {
    let from = try accountNamed(words.word("who pays"), words)
    let text = try words.word("an amount")
    let asset = try assetNamed(words.word("an asset"), words)
    guard let amount = Decimals.parse(text, asset.scale) else {
      throw words.fail("\(text) is not an amount")
    }
    guard words.take("to") else { throw words.fail("to is missing") }
    let to = try accountNamed(words.word("who receives"), words)
    guard words.take("id") else { throw words.fail("an id is missing") }
    let id = try words.word("an id")
    return try apply(
      .transfer(InternalTransfer(from: from, to: to, asset: asset.id, amount: amount, id: id)),
      key: account.map(World.key(of:)))
  }

  mutating func requestWithdrawal(
    _ account: AccountID, _ words: inout Words
  ) throws -> [String] {
    let text = try words.word("an amount")
    let asset = try assetNamed(words.word("an asset"), words)
    guard let amount = Decimals.parse(text, asset.scale) else {
      throw words.fail("\(text) is not an amount")
    }
    let fee = words.take("fee") ? try words.amount(asset.scale) : 0
    guard words.take("to") else { throw words.fail("to is missing") }
    let address = try words.word("an address")
    guard words.take("id") else { throw words.fail("an id is missing") }
    return try apply(
      .requestWithdrawal(
        RequestWithdrawal(
          account: account, asset: asset.id, amount: amount, fee: fee, network: "",
          address: address, id: words.word("an id"))), key: World.key(of: account))
  }

  mutating func moveWithdrawal(_ words: inout Words, by account: AccountID?) throws -> [String] {
    let id = try words.word("an id")
    guard words.take("of") else { throw words.fail("of is missing") }
    let owner = try accountNamed(words.word("whose"), words)
    let name = try words.word("a state")
    guard let state = WithdrawalState.allCases.first(where: { "\($0)" == name }) else {
      throw words.fail("\(name) is no state of a withdrawal")
    }
    return try apply(
      .moveWithdrawal(MoveWithdrawal(account: owner, id: id, state: state)),
      key: account.map(World.key(of:)))
  }
}
