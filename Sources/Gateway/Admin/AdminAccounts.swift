// AdminAccounts: accounts, keys and money of the admin port.
//
// Invariant: a secret is told once, in the answer that made it; afterwards only its sealed form exists.
// Not here: the rules of the ledger (Engine).

import Engine
import Market

extension AdminContext {
  private static let letters = 64
  private static let accountsPerPageMax: Int64 = 10_000
  private static let transfersMax = 1000

  // MARK: Writes

  /// `{name, permissions?, limits?, parent?}` -> `{accountId, name, apiKey, secretKey, permissions}`.
  func createAccount() throws(AdminRefusal) -> Action {
    let (name, permissions, limits, above) = try reading { fields throws(AdminFailure) in
      let name = try fields.text("name")
      guard AdminNames.isName(name), !name.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
        throw fields.wrong(
          "name", "must be 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-', and not digits only")
      }
      let permissions = try Self.permissions(&fields) ?? .trade
      var limits = OrderLimits.standard
      if let value = fields.value("limits") {
        var inner = try AdminFields(value, place: "limits.")
        limits = try Self.limits(&inner)
        try inner.finish()
      }
      return (name, permissions, limits, try Self.optionalAccountName("parent", &fields))
    }
    var parent = AccountID.operator
    if let above {
      let info = try account(above)
      guard info.parent == .operator else {
        throw .failure(
          AdminFailure(400, "the account \(info.name) stands under another one itself"))
      }
      parent = info.id
    }
    let (key, secret) = drawKey()
    let command = CreateAccount(
      name: name, permissions: permissions, limits: limits, apiKey: key,
      sealedSecret: secrets.seal(Array(secret.utf8)), parent: parent)
    return write(.createAccount(command)) { reply, w in
      guard case .account(let account, _) = reply else { return }
      w.field("accountId", account.value)
      w.field("name", name)
      w.field("apiKey", key)
      w.field("secretKey", secret)
      Self.write(permissions, to: &w)
    }
  }

  /// `{account, permissions?}` -> `{accountId, apiKey, secretKey, permissions}`.
  func createKey() throws(AdminRefusal) -> Action {
    let (name, asked) = try reading { fields throws(AdminFailure) in
      (try Self.accountName("account", &fields), try Self.permissions(&fields))
    }
    let account = try account(name)
    let permissions = asked ?? account.permissions
    let (key, secret) = drawKey()
    let command = CreateKey(
      account: account.id, permissions: permissions, apiKey: key,
      sealedSecret: secrets.seal(Array(secret.utf8)))
    return write(.createKey(command)) { _, w in
      w.field("accountId", account.id.value)
      w.field("apiKey", key)
      w.field("secretKey", secret)
      Self.write(permissions, to: &w)
    }
  }

  /// `{apiKey}` -> `{apiKey, revoked: true}`.
  func revokeKey() throws(AdminRefusal) -> Action {
    let key = try reading { fields throws(AdminFailure) in try fields.text("apiKey") }
    let most = CommandCodec.Limit.apiKey
    guard (1...most).contains(key.utf8.count) else {
      throw .failure(AdminFailure(400, "apiKey must have 1 to \(most) bytes"))
    }
    return write(.revokeKey(RevokeKey(apiKey: key))) { _, w in
      w.field("apiKey", key)
      w.field("revoked", true)
    }
  }

  /// `{per10Seconds, perDay}` -> the same with the account.
  func setLimits(_ name: String) throws(AdminRefusal) -> Action {
    let limits = try reading { fields throws(AdminFailure) in try Self.limits(&fields) }
    let account = try account(name)
    let command = SetOrderLimits(account: account.id, limits: limits)
    return write(.setOrderLimits(command)) { _, w in
      w.field("accountId", account.id.value)
      Self.write(limits, to: &w)
    }
  }

  /// `{used}`: whether the account pays commission in the discount asset -> the same.
  func setAccountDiscount(_ name: String) throws(AdminRefusal) -> Action {
    let isUsed = try reading { fields throws(AdminFailure) in try fields.flag("used") }
    let account = try account(name)
    let command = SetAccountDiscount(account: account.id, isUsed: isUsed)
    return write(.setAccountDiscount(command)) { _, w in
      w.field("accountId", account.id.value)
      w.field("used", isUsed)
    }
  }

  /// `{group}`: a number above 0, or null for none. Accounts of one group do not trade with each other where
  /// self-trade prevention says so -> the same.
  func setTradeGroup(_ name: String) throws(AdminRefusal) -> Action {
    let group = try reading { fields throws(AdminFailure) in
      try fields.optionalInteger("group", in: 1...Int64.max)
    }
    let account = try account(name)
    let command = SetTradeGroup(
      account: account.id, group: group.map { TradeGroupID($0) } ?? .none)
    return write(.setTradeGroup(command)) { _, w in
      w.field("accountId", account.id.value)
      w.key("group")
      if let group { w.int(group) } else { w.null() }
    }
  }

  /// `{account, asset, amount, id}` -> the same with `free` afterwards, and `repeated` if the id was booked before.
  func moveFunds(deposit: Bool) throws(AdminRefusal) -> Action {
    let (name, assetName) = try fundsNames()
    let account = try account(name)
    let asset = try asset(assetName)
    let funds = try reading { fields throws(AdminFailure) in
      _ = (fields.value("account"), fields.value("asset"))
      return Funds(
        account: account.id, asset: asset.id, amount: try Self.amount(asset, &fields),
        id: try Self.evidence(&fields))
    }
    return write(deposit ? .deposit(funds) : .withdraw(funds)) { reply, w in
      w.field("accountId", funds.account.value)
      w.field("asset", asset.name)
      w.field("amount", decimal: funds.amount, scale: Int(asset.scale))
      w.field("id", funds.id)
      guard case .funds(let free, let repeated) = reply else { return }
      w.field("free", decimal: free, scale: Int(asset.scale))
      w.field("repeated", repeated)
    }
  }

  /// The names come first: the asset's scale decides how the amount is read.
  private func fundsNames() throws(AdminRefusal) -> (account: String, asset: String) {
    try reading { fields throws(AdminFailure) in
      let names = (try Self.accountName("account", &fields), try fields.text("asset"))
      _ = (fields.value("amount"), fields.value("id"))
      return names
    }
  }

  // MARK: Reads

  /// `{"accounts": [...]}` in id order; `?after=ID&limit=N` pages through more than 10,000.
  func listAccounts() throws(AdminRefusal) -> Action {
    let after = try number("after", in: 0...Int64.max) ?? -1
    let limit = try number("limit", in: 1...Self.accountsPerPageMax) ?? Self.accountsPerPageMax
    return .read(linearizable: true) { model in
      let page = model.catalog.accounts.lazy.filter { after < 0 || $0.id.value > UInt64(after) }
      return AdminAnswer.at(
        model.appliedIndex,
        .json(capacity: 4096) { w in
          w.object { w in
            w.key("accounts")
            w.array { w in
              for account in page.prefix(Int(limit)) { w.object { Self.write(account, to: &$0) } }
            }
          }
        })
    }
  }

  /// One account with balances and keys (without secrets).
  func showAccount(_ name: String) throws(AdminRefusal) -> Action {
    let account = try account(name)
    return .read(linearizable: true) { model in
      let catalog = model.catalog
      guard let balances = try? model.balances(account.id) else { return Self.unreadable }
      let info = catalog.account(account.id) ?? account
      return AdminAnswer.at(
        model.appliedIndex,
        .json(capacity: 2048) { w in
          w.object { w in
            Self.write(info, to: &w)
            w.key("balances")
            w.array { w in for balance in balances { Self.write(balance, catalog, to: &w) } }
            w.key("keys")
            w.array { w in
              for key in catalog.keys where key.account == info.id { Self.write(key, to: &w) }
            }
          }
        })
    }
  }

  /// `{"transfers": [...]}`: the newest 1000 deposits (above 0) and withdrawals (below 0), ascending.
  func listTransfers(_ name: String) throws(AdminRefusal) -> Action {
    let account = try account(name)
    return .read(linearizable: true) { model in
      guard let transfers = try? model.transfers(account.id, limit: Self.transfersMax) else {
        return Self.unreadable
      }
      return AdminAnswer.at(
        model.appliedIndex,
        .json(capacity: 4096) { w in
          w.object { w in
            w.key("transfers")
            w.array { w in
              for transfer in transfers { Self.write(transfer, model.catalog, to: &w) }
            }
          }
        })
    }
  }

  // MARK: Parts

  private func drawKey() -> (key: String, secret: String) {
    (Random.alphanumeric(Self.letters), Random.alphanumeric(Self.letters))
  }

  /// A name, or an id as a number or in digits.
  static func accountName(
    _ name: String, _ fields: inout AdminFields
  ) throws(AdminFailure) -> String {
    guard let account = try optionalAccountName(name, &fields) else { throw fields.missing(name) }
    return account
  }

  static func optionalAccountName(
    _ name: String, _ fields: inout AdminFields
  ) throws(AdminFailure) -> String? {
    switch fields.value(name) {
    case .string(let text): return text
    case .number(let text): return text
    case nil: return nil
    default: throw fields.wrong(name, "must be a name or an id")
    }
  }

  private static func permissions(_ fields: inout AdminFields) throws(AdminFailure) -> Permissions?
  {
    guard let names = try fields.optionalElements("permissions") else { return nil }
    var permissions: Permissions = []
    for name in names {
      switch name {
      case .string("trade"): permissions.insert(.trade)
      case .string("withdraw"): permissions.insert(.withdraw)
      case .string("transfer"): permissions.insert(.transfer)
      default:
        throw fields.wrong(
          "permissions", "may hold \"trade\", \"withdraw\" and \"transfer\" only")
      }
    }
    return permissions
  }

  private static func limits(_ fields: inout AdminFields) throws(AdminFailure) -> OrderLimits {
    let range = 0...Int64(UInt32.max)
    return OrderLimits(
      per10Seconds: UInt32(try fields.integer("per10Seconds", in: range)),
      perDay: UInt32(try fields.integer("perDay", in: range)))
  }

  /// A number of the query, or `nil` if it is not there.
  func number(_ name: String, in range: ClosedRange<Int64>) throws(AdminRefusal) -> Int64? {
    guard let text = text(name) else { return nil }
    guard let value = Int64(text), range.contains(value) else {
      let bounds = "\(range.lowerBound) to \(range.upperBound)"
      throw .failure(AdminFailure(400, "\(name) must be an integer from \(bounds)"))
    }
    return value
  }

  /// A text of the query, `%XX` decoded, or `nil` if it is not there.
  func text(_ name: String) -> String? {
    let query = String(decoding: request.query, as: UTF8.self)
    for part in query.split(separator: "&") where part.hasPrefix(name + "=") {
      return Self.unescaped(part.dropFirst(name.count + 1))
    }
    return nil
  }

  private static func unescaped(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(2)
      if byte == UInt8(ascii: "%"), digits.count == 2,
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  static var unreadable: HTTPResponse {
    AdminAnswer.error(AdminFailure(500, "stored rows could not be read"))
  }

  // MARK: Writing

  private static func write(_ account: AccountInfo, to w: inout JSONWriter) {
    w.field("accountId", account.id.value)
    w.field("name", account.name)
    write(account.permissions, to: &w)
    w.key("limits")
    w.object { write(account.limits, to: &$0) }
    w.field("createdAt", account.createdAt)
    if account.parent != .operator { w.field("parentId", account.parent.value) }
    if account.tradeGroup != .none { w.field("tradeGroup", account.tradeGroup.value) }
    w.field("usesDiscount", account.usesDiscount)
  }

  private static func write(_ permissions: Permissions, to w: inout JSONWriter) {
    w.key("permissions")
    w.array { w in
      if permissions.contains(.trade) { w.string("trade") }
      if permissions.contains(.withdraw) { w.string("withdraw") }
      if permissions.contains(.transfer) { w.string("transfer") }
    }
  }

  private static func write(_ limits: OrderLimits, to w: inout JSONWriter) {
    w.field("per10Seconds", limits.per10Seconds)
    w.field("perDay", limits.perDay)
  }

  private static func write(_ key: KeyInfo, to w: inout JSONWriter) {
    w.object { w in
      w.field("apiKey", key.apiKey)
      write(key.permissions, to: &w)
      w.field("revoked", key.revoked)
      w.field("createdAt", key.createdAt)
    }
  }

  private static func write(_ balance: BalanceChange, _ catalog: Catalog, to w: inout JSONWriter) {
    let asset = catalog.asset(balance.asset)
    let scale = asset.map { Int($0.scale) } ?? 0
    w.object { w in
      w.field("asset", asset?.name ?? String(balance.asset.value))
      w.field("free", decimal: balance.free, scale: scale)
      w.field("locked", decimal: balance.locked, scale: scale)
    }
  }

  private static func write(_ transfer: Transfer, _ catalog: Catalog, to w: inout JSONWriter) {
    let asset = catalog.asset(transfer.asset)
    w.object { w in
      w.field("id", transfer.id)
      w.field("asset", asset?.name ?? String(transfer.asset.value))
      w.field("amount", decimal: transfer.amount, scale: asset.map { Int($0.scale) } ?? 0)
      w.field("time", transfer.time)
      w.field("index", transfer.index)
    }
  }
}
