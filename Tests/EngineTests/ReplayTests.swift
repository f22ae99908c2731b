// What was written once: a log of commands with the state hashes that they gave, which every later
// version must give, too; and exchanges that are killed at every index and go on from older rows.

import Engine
import Foundation
import Testing
import Wire

@Suite struct ReplayTests {
  static let file = ScenarioFile.folder.appending(path: "replay.log")

  /// One line of the log: a command in bytes, or the hash after those before it.
  enum Line: Equatable {
    case command(stamp: Int64, bytes: [UInt8])
    case hash(String)
  }

  static func read() throws -> [Line] {
    try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      if words[0] == "#" { return nil }
      if words[0] == "=" { return .hash(String(words[1])) }
      var bytes: [UInt8] = []
      var digits = words[1][...]
      while !digits.isEmpty {
        guard let byte = UInt8(digits.prefix(2), radix: 16) else {
          throw ScenarioError("no bytes: \(line.prefix(40))")
        }
        bytes.append(byte)
        digits = digits.dropFirst(2)
      }
      return .command(stamp: Int64(words[0]) ?? 0, bytes: bytes)
    }
  }

  /// Applies a log. Answers its lines with the hashes that this program comes to.
  static func replay(_ lines: [Line], _ bug: PlantedBug) throws -> [Line] {
    var world = World(horizon: StateTests.horizon)
    world.exchange.planted = bug
    return try lines.map { line in
      switch line {
      case .command(let stamp, let bytes):
        var reader = ByteReader(bytes)
        let request = try CommandCodec.decode(&reader)
        world.stamp = stamp
        world.run(request.command, key: request.header.key)
        return line
      case .hash: return .hash(String(world.collect(), radix: 16))
      }
    }
  }

  /// A stream at the first level and then at the second, every kind of command among them; then with
  /// commissions in a discount asset; then with such that go over a third asset, at the second level
  /// and at the third. What is new comes behind all of it, so that a kept log only grows.
  static func stream() -> [Line] {
    var random = RandomCommands(seed: 22)
    var stamp = World.start
    var lines: [Line] = []
    func add(_ command: Command) {
      let header = CommandHeader(
        requestID: RequestID(0, 0, 0, 0), key: World.key(for: command), timestamp: stamp,
        deadline: .max)
      var writer = ByteWriter()
      CommandCodec.encode(Request(header: header, command: command), into: &writer)
      lines.append(.command(stamp: stamp, bytes: writer.bytes))
    }
    for command in World.setUp(accounts: 4, funds: 400_000, filters: World.filters(step: 10)) {
      add(command)
    }
    for step in 0..<360 {
      if step == 180 { add(.setLevel(SetLevel(level: 2))) }
      stamp += random.pause()
      add(random.random.chance(8) ? random.movement() : random.nextSpecial())
      if step % 20 == 19 { lines.append(.hash("")) }
    }
    for step in 0..<120 {
      stamp += random.pause()
      add(step < 5 || random.random.chance(8) ? random.discount(step) : random.nextSpecial())
      if step % 20 == 19 { lines.append(.hash("")) }
    }
    for command in bridge() { add(command) }
    for step in 0..<160 {
      if step == 40 { add(.setLevel(SetLevel(level: 3))) }
      // A price counts for a day.
      stamp += step % 40 == 30 ? 1_445 * 60_000_000 : random.random.pick(1...60) * 1_000_000
      let symbols = [World.first, World.second, World.third, World.third]
      let symbol = symbols[Int(random.random.pick(0...3))]
      let price: Int64 = symbol == World.first ? 25_000 : 10_000
      add(
        World.limit(
          Int(random.random.pick(0...3)), random.random.chance(50) ? .buy : .sell,
          10 * random.random.pick(1...400), at: price + 10 * random.random.pick(-1...1),
          id: "b\(step)", .gtc, symbol: symbol))
      if step % 20 == 19 { lines.append(.hash("")) }
    }
    return lines
  }

  /// All markets open and empty, a third one that is worth the discount asset only over another asset, and
  /// accounts that want commission in it.
  private static func bridge() -> [Command] {
    var commands = World.bridge(
      accounts: 4, funds: 40_000_000, filters: World.filters(step: 10))
    for symbol in [World.first, World.second, World.third] {
      commands.append(.setSymbolStatus(SetSymbolStatus(symbol: symbol, status: .trading)))
      commands.append(.setSymbolDiscount(SetSymbolDiscount(symbol: symbol, isOffered: true)))
    }
    for number in 0..<4 {
      for symbol in [World.first, World.second] {
        commands.append(
          .cancelAllOrders(
            CancelAllOrders(
              account: World.account(number), symbol: symbol,
              cancelClientOrderID: World.text("clear\(number)"))))
      }
      for asset in [World.base, World.quote, World.other] {
        let id = "more\(number).\(asset.value)"
        commands.append(
          .deposit(
            Funds(account: World.account(number), asset: asset, amount: 40_000_000, id: id)))
      }
      commands.append(
        .setAccountDiscount(
          SetAccountDiscount(account: World.account(number), isUsed: number < 3)))
    }
    commands.append(.setExchangeLimits(.none))
    commands.append(
      .setDiscount(DiscountSettings(asset: World.other, factor: 75_000_000)))
    return commands
  }

  static func write(_ lines: [Line]) throws {
    let texts = lines.map { line in
      switch line {
      case .hash(let hash): return "= \(hash)"
      case .command(let stamp, let bytes):
        let hex = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return "\(stamp) \(hex)"
      }
    }
    let head = "# Commands (stamp, bytes) and the state hash after them. See ReplayTests.\n"
    try (head + texts.joined(separator: "\n") + "\n").write(
      to: file, atomically: true, encoding: .utf8)
  }

  /// `REPLAY_REWRITE=1` writes a new log: only with a change of rows or of commands that the
  /// changelog declares.
  @Test func `a log that was kept gives the hashes that it gave`() throws {
    if ProcessInfo.processInfo.environment["REPLAY_REWRITE"] == "1" {
      try Self.write(Self.replay(Self.stream(), .none))
    }
    let lines = try Self.read()
    let hashes = lines.count { if case .hash = $0 { true } else { false } }
    #expect(hashes == 32 && lines.count > 700)
    let now = try Self.replay(lines, .none)
    let first = zip(lines, now).enumerated().first { $0.element.0 != $0.element.1 }
    #expect(first == nil, "line \((first?.offset ?? 0) + 2)")
    let bugs: [PlantedBug] = [
      .tradeIDSkips, .countsNotLowered, .sliceWhole, .discountUntaken, .discountUnbridged,
      .discountStale,
    ]
    for bug in bugs {
      #expect(try Self.replay(lines, bug) != lines, "\(bug)")
    }
  }

  /// Kills at every index; the rows are some indexes older. Answers how often the new start told
  /// something else than the first run did.
  static func restarts(_ seed: UInt64, _ bug: PlantedBug) throws -> Int {
    var world = World(horizon: StateTests.horizon)
    world.begin(World.setUp(accounts: 4, funds: 400_000, filters: World.filters(step: 10)))
    world.exchange.planted = bug
    var random = RandomCommands(seed: seed)
    var log: [(stamp: Int64, command: Command, events: [Event], reply: Reply)] = []
    var rows = [world.rows.rows]
    for step in 0..<200 {
      world.stamp += random.pause()
      let command =
        step < 5 || random.random.chance(4) ? random.discount(step) : random.nextSpecial()
      let reply = world.run(command)
      log.append((world.stamp, command, world.lastEvents, reply))
      world.collect()
      rows.append(world.rows.rows)
    }
    var differences = 0
    for kill in log.indices {
      let stored = max(0, kill - Int(random.random.pick(0...12)))
      var twin = World(horizon: StateTests.horizon)
      twin.exchange = try Exchange(
        loading: RowTable(rows[stored].filter { !$0.value.isEmpty }), horizon: StateTests.horizon)
      twin.exchange.planted = bug
      for entry in log[stored..<min(kill + 8, log.count)] {
        twin.stamp = entry.stamp
        let reply = twin.run(entry.command)
        if reply != entry.reply || twin.lastEvents != entry.events { differences += 1 }
      }
    }
    return differences
  }

  @Test(arguments: 1...4)
  func `killed at every index, an exchange tells the same events with the same ids`(
    seed: UInt64
  ) throws {
    #expect(try Self.restarts(seed, .none) == 0, "seed \(seed)")
    #expect(try Self.restarts(seed, .counterStale) > 0, "seed \(seed)")
  }
}
