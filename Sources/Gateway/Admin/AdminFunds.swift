// AdminFunds: transfers between accounts, and withdrawals in two phases, on the admin port.
//
// Not here: deposits, and withdrawals that are booked at once (AdminAccounts); the rules (Engine).

import Engine
import Market

extension AdminContext {
  private static let withdrawalsPerPageMax: Int64 = 1_000

  /// Where each verb takes a withdrawal.
  static let steps: [String: WithdrawalState] = [
    "approve": .approved, "reject": .rejected, "sent": .sent, "confirm": .confirmed,
    "fail": .failed, "cancel": .cancelled,
  ]

  // MARK: Writes

  /// `{from, to, asset, amount, id}` -> the same with `free` of the payer afterwards, and `repeated`.
  func transfer() throws(AdminRefusal) -> Action {
    let names = try reading { fields throws(AdminFailure) in
      let names = (
        from: try Self.accountName("from", &fields), to: try Self.accountName("to", &fields),
        asset: try fields.text("asset")
      )
      _ = (fields.value("amount"), fields.value("id"))
      return names
    }
    let (from, to) = (try account(names.from), try account(names.to))
    let asset = try asset(names.asset)
    guard from.id != to.id else {
      throw .failure(AdminFailure(400, "from and to must be two accounts"))
    }
    let (amount, id) = try reading { fields throws(AdminFailure) in
      _ = (fields.value("from"), fields.value("to"), fields.value("asset"))
      return (try Self.amount(asset, &fields), try Self.evidence(&fields))
    }
    let command = InternalTransfer(
      from: from.id, to: to.id, asset: asset.id, amount: amount, id: id)
    return write(.transfer(command)) { reply, w in
      w.field("from", from.name)
      w.field("to", to.name)
      Self.write(asset, amount, id, reply, to: &w)
    }
  }

  /// `{account, asset, amount, fee?, network?, address, id}`: holds amount and fee -> the same with `free` afterwards,
  /// and `repeated`.
  func requestWithdrawal() throws(AdminRefusal) -> Action {
    let names = try reading { fields throws(AdminFailure) in
      let names = (
        account: try Self.accountName("account", &fields), asset: try fields.text("asset")
      )
      for name in ["amount", "fee", "network", "address", "id"] { _ = fields.value(name) }
      return names
    }
    let account = try account(names.account)
    let asset = try asset(names.asset)
    let request = try reading { fields throws(AdminFailure) in
      _ = (fields.value("account"), fields.value("asset"))
      let fee = try fields.optionalAmount("fee", scale: Int(asset.scale)) ?? 0
      let network = try fields.optionalText("network") ?? ""
      guard Self.isPrintable(network, 0...CommandCodec.Limit.network) else {
        throw fields.wrong("network", "must be up to 20 printable ASCII characters without spaces")
      }
      let address = try fields.text("address")
      guard Self.isPrintable(address, 1...CommandCodec.Limit.address) else {
        throw fields.wrong(
          "address", "must be 1 to 128 printable ASCII characters without spaces")
      }
      return RequestWithdrawal(
        account: account.id, asset: asset.id, amount: try Self.amount(asset, &fields), fee: fee,
        network: network, address: address, id: try Self.evidence(&fields))
    }
    return write(.requestWithdrawal(request)) { reply, w in
      w.field("account", account.name)
      w.field("fee", decimal: request.fee, scale: Int(asset.scale))
      Self.write(asset, request.amount, request.id, reply, to: &w)
    }
  }

  /// `{id, note?}`: moves a withdrawal on -> `{id, state}`.
  func moveWithdrawal(to state: WithdrawalState) throws(AdminRefusal) -> Action {
    let move = try reading { fields throws(AdminFailure) in
      let id = try Self.evidence(&fields)
      let note = try fields.optionalText("note") ?? ""
      guard Self.isPrintable(note, 0...CommandCodec.Limit.address) else {
        throw fields.wrong("note", "must be up to 128 printable ASCII characters without spaces")
      }
      return MoveWithdrawal(account: .operator, id: id, state: state, note: note)
    }
    return write(.moveWithdrawal(move)) { _, w in
      w.field("id", move.id)
      w.field("state", state.text)
    }
  }

  // MARK: Reads

  /// `{"withdrawals": [...], "next": id or null}` in the order of their ids;
  /// `?state=requested&account=NAME&id=ID&after=ID&limit=N`. `next` continues where the page ended.
  func listWithdrawals() throws(AdminRefusal) -> Action {
    let name = text("account")
    let account = name == nil ? nil : try account(name ?? "")
    let stateName = text("state")
    let state = WithdrawalState.allCases.first { $0.text == stateName }
    guard stateName == nil || state != nil else {
      let known = WithdrawalState.allCases.map(\.text).joined(separator: ", ")
      throw .failure(AdminFailure(400, "state may be \(known) only"))
    }
    let (id, after) = (text("id"), text("after"))
    let most = try number("limit", in: 1...Self.withdrawalsPerPageMax)
    let limit = Int(most ?? Self.withdrawalsPerPageMax)
    return .read(linearizable: true) { model in
      let wanted = { (withdrawal: Withdrawal) in
        (state == nil || withdrawal.state == state)
          && (account == nil || withdrawal.account == account?.id)
      }
      let found: (withdrawals: [Withdrawal], next: String?)
      do {
        if let id {
          let one = try model.withdrawal(id).map { [$0] } ?? []
          found = (one.filter(wanted), nil)
        } else {
          found = try model.withdrawals(after: after, limit: limit, where: wanted)
        }
      } catch {
        return Self.unreadable
      }
      return AdminAnswer.at(
        model.appliedIndex,
        .json(capacity: 4096) { w in
          w.object { w in
            w.key("withdrawals")
            w.array { w in
              for withdrawal in found.withdrawals {
                w.object { Self.write(withdrawal, model.catalog, to: &$0) }
              }
            }
            w.key("next")
            if let next = found.next { w.string(next) } else { w.null() }
          }
        })
    }
  }

  // MARK: Parts

  static func amount(
    _ asset: AssetInfo, _ fields: inout AdminFields
  ) throws(AdminFailure) -> Int64 {
    let amount = try fields.amount("amount", scale: Int(asset.scale))
    guard amount > 0 else { throw fields.wrong("amount", "must be above 0") }
    return amount
  }

  /// The id of a movement.
  static func evidence(_ fields: inout AdminFields) throws(AdminFailure) -> String {
    let id = try fields.text("id")
    guard isPrintable(id, 1...CommandCodec.Limit.evidence) else {
      throw fields.wrong("id", "must be 1 to 64 printable ASCII characters without spaces")
    }
    return id
  }

  private static func isPrintable(_ text: String, _ count: ClosedRange<Int>) -> Bool {
    count.contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
  }

  private static func write(
    _ asset: AssetInfo, _ amount: Int64, _ id: String, _ reply: Reply, to w: inout JSONWriter
  ) {
    w.field("asset", asset.name)
    w.field("amount", decimal: amount, scale: Int(asset.scale))
    w.field("id", id)
    guard case .funds(let free, let repeated) = reply else { return }
    w.field("free", decimal: free, scale: Int(asset.scale))
    w.field("repeated", repeated)
  }

  private static func write(
    _ withdrawal: Withdrawal, _ catalog: Catalog, to w: inout JSONWriter
  ) {
    let asset = catalog.asset(withdrawal.asset)
    let scale = asset.map { Int($0.scale) } ?? 0
    w.field("id", withdrawal.id)
    w.field("state", withdrawal.state.text)
    w.field("accountId", withdrawal.account.value)
    w.field("account", catalog.account(withdrawal.account)?.name ?? "")
    w.field("asset", asset?.name ?? String(withdrawal.asset.value))
    w.field("amount", decimal: withdrawal.amount, scale: scale)
    w.field("fee", decimal: withdrawal.fee, scale: scale)
    w.field("network", withdrawal.network)
    w.field("address", withdrawal.address)
    w.field("note", withdrawal.note)
    w.field("requestedAt", withdrawal.requestedAt)
    w.field("updatedAt", withdrawal.updatedAt)
  }
}

extension WithdrawalState {
  /// As operators read it.
  var text: String {
    switch self {
    case .requested: "requested"
    case .approved: "approved"
    case .sent: "sent"
    case .confirmed: "confirmed"
    case .cancelled: "cancelled"
    case .rejected: "rejected"
    case .failed: "failed"
    }
  }
}
