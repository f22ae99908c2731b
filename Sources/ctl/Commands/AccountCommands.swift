// AccountCommands: accounts and keys.

import ArgumentParser
import Gateway

/// What a key or an account may do.
enum Permission: String, ExpressibleByArgument, CaseIterable {
  case trade
  case withdraw
  case transfer

  /// Writes them as the member `permissions`.
  static func write(_ list: [Permission], to writer: inout JSONWriter) {
    writer.key("permissions")
    writer.array { w in for permission in list { w.string(permission.rawValue) } }
  }
}

struct AccountCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "account", abstract: "Create, list, show, limit and switch accounts.",
    subcommands: [
      Create.self, List.self, Show.self, Limits.self, Discount.self, Group.self, Movements.self,
    ])

  struct Create: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Create an account and print its first key. The secret is shown this once.")
    @Argument(help: "1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'; not digits only.") var name: String
    @Option(help: "trade, withdraw, transfer; repeatable. Default: trade.")
    var permission: [Permission] = []
    @Option(help: "Name or id of the account that it stands under.") var parent: String?
    @Option(name: .customLong("per-10-seconds"), help: "Orders per 10 seconds. Default: 100.")
    var per10Seconds: UInt32?
    @Option(help: "Orders per day. Default: 200000.") var perDay: UInt32?
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(
        .post("accounts", isIdempotent: false) { w in
          w.field("name", name)
          if !permission.isEmpty { Permission.write(permission, to: &w) }
          if let parent { w.field("parent", parent) }
          guard per10Seconds != nil || perDay != nil else { return }
          w.key("limits")
          w.object { w in
            w.field("per10Seconds", per10Seconds ?? 100)
            w.field("perDay", perDay ?? 200_000)
          }
        })
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List accounts.")
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      let client = try cluster.client()
      var accounts: [JSONValue] = []
      var after = ""
      while true {
        let page = try client.send(.get("accounts" + after))["accounts"]?.elements ?? []
        accounts += page
        guard page.count >= 10_000, let last = page.last?.cell("accountId") else { break }
        after = "?after=\(last)"
      }
      cluster.printing.show(.object([.init("accounts", .array(accounts))])) {
        var table = Table("ID", "NAME", "PERMISSIONS", "PER 10 S", "PER DAY")
        for account in accounts {
          let limits = account["limits"] ?? .null
          table.add(
            account.cell("accountId"), account.cell("name"), account.cell("permissions"),
            limits.cell("per10Seconds"), limits.cell("perDay"))
        }
        return table.text
      }
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show balances and keys of an account.")
    @Argument(help: "Name or id.") var account: String
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(.get("accounts/\(try pathPart(account))")) { answer in
        var head = Table("ID", "NAME", "PERMISSIONS", "LIMITS")
        head.add(
          answer.cell("accountId"), answer.cell("name"), answer.cell("permissions"),
          answer.cell("limits"))
        var balances = Table("ASSET", "FREE", "LOCKED")
        for balance in answer["balances"]?.elements ?? [] {
          balances.add(balance.cell("asset"), balance.cell("free"), balance.cell("locked"))
        }
        var keys = Table("API KEY", "PERMISSIONS", "REVOKED")
        for key in answer["keys"]?.elements ?? [] {
          keys.add(key.cell("apiKey"), key.cell("permissions"), key.cell("revoked"))
        }
        return [head.text, balances.text, keys.text].joined(separator: "\n\n")
      }
    }
  }

  struct Limits: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Set how many orders an account may place.")
    @Argument(help: "Name or id.") var account: String
    @Option(name: .customLong("per-10-seconds"), help: "Orders per 10 seconds.")
    var per10Seconds: UInt32
    @Option(help: "Orders per day.") var perDay: UInt32
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(
        .post("accounts/\(try pathPart(account))/limits") { w in
          w.field("per10Seconds", per10Seconds)
          w.field("perDay", perDay)
        })
    }
  }
}

extension AccountCommand {
  struct Discount: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let an account pay commission in the discount asset, or no more.")
    @Argument(help: "Name or id.") var account: String
    @Argument(help: "on or off.") var used: Switch
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(
        .post("accounts/\(try pathPart(account))/discount") { $0.field("used", used == .on) })
    }
  }

  struct Group: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Put an account into a trade group, for self-trade prevention.")
    @Argument(help: "Name or id.") var account: String
    @Argument(help: "A number above 0; none: out of any group.") var group: Int64?
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(
        .post("accounts/\(try pathPart(account))/trade-group") { w in
          if let group { w.field("group", group) }
        })
    }
  }

  struct Movements: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List an account's newest deposits (+) and withdrawals (-).")
    @Argument(help: "Name or id.") var account: String
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      let path = "accounts/\(try pathPart(account))/transfers"
      try cluster.show(.get(path)) { answer in
        var table = Table("INDEX", "ASSET", "AMOUNT", "ID")
        for item in answer["transfers"]?.elements ?? [] {
          table.add(item.cell("index"), item.cell("asset"), item.cell("amount"), item.cell("id"))
        }
        return table.text
      }
    }
  }
}

struct KeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "Create and revoke API keys.",
    subcommands: [Create.self, Revoke.self])

  struct Create: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add a key to an account. The secret is shown this once.")
    @Argument(help: "Name or id of the account.") var account: String
    @Option(help: "trade, withdraw, transfer; repeatable. Default: the account's own.")
    var permission: [Permission] = []
    @Flag(help: "A key that can only read.") var readOnly = false
    @OptionGroup var cluster: ClusterOptions

    func validate() throws {
      if readOnly, !permission.isEmpty {
        throw ValidationError("--read-only and --permission exclude each other")
      }
    }

    func run() throws {
      try cluster.show(
        .post("keys", isIdempotent: false) { w in
          w.field("account", account)
          if readOnly || !permission.isEmpty { Permission.write(permission, to: &w) }
        })
    }
  }

  struct Revoke: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "End a key for ever.")
    @Argument(help: "The API key.") var apiKey: String
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(.post("keys/revoke") { $0.field("apiKey", apiKey) })
    }
  }
}

/// `text` as one part of a path; names need no escapes, so anything that would is refused.
func pathPart(_ text: String) throws -> String {
  let plain = text.utf8.allSatisfy { byte in
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
  }
  guard plain, (1...64).contains(text.utf8.count) else {
    throw ValidationError("'\(text)' is no name: 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'")
  }
  return text
}
