// FundsCommands: deposits, transfers, and withdrawals, booked at once or in two phases.

import ArgumentParser
import Gateway

/// What a deposit and a withdrawal say.
struct FundsArguments: ParsableArguments {
  @Argument(help: "Name or id of the account.") var account: String
  @Argument(help: "For example USDT.") var asset: String
  @Argument(help: "A decimal number above 0.") var amount: String
  @Option(help: "Names the booking: it is made once, however often it is sent.") var id: String

  func call(_ path: String) -> AdminClient.Call { .post(path) { write(to: &$0) } }

  func write(to w: inout JSONWriter) {
    w.field("account", account)
    w.field("asset", asset)
    w.field("amount", amount)
    w.field("id", id)
  }
}

struct DepositCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deposit", abstract: "Credit an account, once per id.")
  @OptionGroup var funds: FundsArguments
  @OptionGroup var cluster: ClusterOptions

  func run() throws {
    try cluster.show(funds.call("deposits"))
  }
}

struct WithdrawalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "withdrawal", abstract: "Withdrawals, in two phases or at once.",
    discussion: """
      requested, approved, sent, confirmed; or rejected, cancelled before it is approved, or failed after. Amount and \
      fee are held from the request on, and posted or given back once.
      """,
    subcommands: [
      Request.self, List.self, Approve.self, Reject.self, Sent.self, Confirm.self, Fail.self,
      Cancel.self, Create.self,
    ])

  struct Create: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Debit an account at once, once per id.")
    @OptionGroup var funds: FundsArguments
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(funds.call("withdrawals"))
    }
  }

  struct Request: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Ask for a withdrawal of an account: holds amount and fee, once per id.")
    @OptionGroup var funds: FundsArguments
    @Option(help: "Where it goes.") var address: String
    @Option(help: "Kept by the venue when it is confirmed. Default: 0.") var fee: String?
    @Option(help: "For example BTC.") var network: String?
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(
        .post("withdrawals/request") { w in
          funds.write(to: &w)
          w.field("address", address)
          if let fee { w.field("fee", fee) }
          if let network { w.field("network", network) }
        })
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List withdrawals in two phases, by id.")
    @Option(help: "requested, approved, sent, confirmed, cancelled, rejected or failed.")
    var state: String?
    @Option(help: "Name or id of an account.") var account: String?
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      let client = try cluster.client()
      var filter = "limit=1000"
      if let state { filter += "&state=\(escaped(state))" }
      if let account { filter += "&account=\(try pathPart(account))" }
      var all: [JSONValue] = []
      var after = ""
      while true {
        let page = try client.send(.get("withdrawals?\(filter)\(after)"))
        all += page["withdrawals"]?.elements ?? []
        guard let next = page["next"]?.text else { break }
        after = "&after=\(escaped(next))"
      }
      cluster.printing.show(.object([.init("withdrawals", .array(all))])) {
        var table = Table("ID", "STATE", "ACCOUNT", "ASSET", "AMOUNT", "FEE", "ADDRESS", "NOTE")
        for item in all {
          table.add(
            item.cell("id"), item.cell("state"), item.cell("account"), item.cell("asset"),
            item.cell("amount"), item.cell("fee"), item.cell("address"), item.cell("note"))
        }
        return table.text
      }
    }
  }

  /// The arguments of every step.
  struct Step: ParsableArguments {
    @Argument(help: "The id under which it was asked for.") var id: String
    @Option(help: "Kept with it, for example a transaction hash.") var note: String?
    @OptionGroup var cluster: ClusterOptions

    func send(_ verb: String) throws {
      try cluster.show(
        .post("withdrawals/\(verb)") { w in
          w.field("id", id)
          if let note { w.field("note", note) }
        })
    }
  }

  struct Approve: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "A requested one may go out.")
    @OptionGroup var step: Step
    func run() throws { try step.send("approve") }
  }

  struct Reject: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "A requested one ends; what it held is free again.")
    @OptionGroup var step: Step
    func run() throws { try step.send("reject") }
  }

  struct Sent: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "An approved one is on its way.")
    @OptionGroup var step: Step
    func run() throws { try step.send("sent") }
  }

  struct Confirm: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "One that was sent arrived: it is posted.")
    @OptionGroup var step: Step
    func run() throws { try step.send("confirm") }
  }

  struct Fail: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "An approved or sent one did not arrive; what it held is free again.")
    @OptionGroup var step: Step
    func run() throws { try step.send("fail") }
  }

  struct Cancel: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "A requested one ends for its owner; what it held is free again.")
    @OptionGroup var step: Step
    func run() throws { try step.send("cancel") }
  }
}

struct TransferCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transfer", abstract: "Move free money between two accounts, once per id.")
  @Argument(help: "Name or id of who pays.") var from: String
  @Argument(help: "Name or id of who receives.") var to: String
  @Argument(help: "For example USDT.") var asset: String
  @Argument(help: "A decimal number above 0.") var amount: String
  @Option(help: "Names the booking: it is made once, however often it is sent.") var id: String
  @OptionGroup var cluster: ClusterOptions

  func run() throws {
    try cluster.show(
      .post("transfers") { w in
        w.field("from", from)
        w.field("to", to)
        w.field("asset", asset)
        w.field("amount", amount)
        w.field("id", id)
      })
  }
}

/// `text` as the value of a query.
func escaped(_ text: String) -> String {
  var out = ""
  for byte in text.utf8 {
    let isPlain =
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    if isPlain {
      out.unicodeScalars.append(Unicode.Scalar(byte))
    } else {
      let digits = String(byte, radix: 16)
      out += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
    }
  }
  return out
}
