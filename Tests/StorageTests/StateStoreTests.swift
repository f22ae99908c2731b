// StateStoreTests: the RocksDB store against the memory model, its batches across a kill -9, checkpoints, memory.
//
// A kill keeps the page cache, so it proves that batches are atomic and flushes complete, not that they are synced.
// Not here: what rows mean.

import Glibc
import Storage
import TestSupport
import Testing
import Wire

@Suite struct StateStoreTests {
  private func rows(
    _ store: any RowReader, _ from: [UInt8] = [],
    _ upTo: [UInt8] = [UInt8](repeating: 0xFF, count: 9),
    reverse: Bool = false, limit: Int = Int.max
  ) throws -> [[UInt8]] {
    var found: [[UInt8]] = []
    try store.scan(from: from, upTo: upTo, reverse: reverse) { key, value in
      found.append(key)
      found.append(value)
      return found.count / 2 < limit
    }
    return found
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func `the store and the memory model answer alike`(seed: UInt64) throws {
    let directory = TemporaryDirectory()
    var options = StateStoreOptions()
    options.writeBufferBytes = 64 << 10
    let path = directory.file("state")
    var store = try StateStore.open(path: path, options: options)
    let model = MemoryStore()
    var random = SeededRandom(seed)
    func key() -> [UInt8] {
      let length = Int.random(in: 1...4, using: &random)
      return (0..<length).map { _ in [0, 1, 2, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
      }
    }
    for round in 0..<400 {
      var batch = RowBatch()
      for _ in 0..<Int.random(in: 0...20, using: &random) {
        if random.oneIn(4) {
          batch.delete(key())
        } else {
          batch.put(key(), random.bytes(Int.random(in: 0...400, using: &random)))
        }
      }
      try store.write(batch)
      model.write(batch)
      let one = key()
      #expect(try store.row(one) == model.row(one), "seed \(seed) round \(round)")
      let (a, b, reverse) = (key(), key(), random.oneIn(2))
      let limit = Int.random(in: 1...30, using: &random)
      let real = try rows(store, a, b, reverse: reverse, limit: limit)
      let expected = try rows(model, a, b, reverse: reverse, limit: limit)
      #expect(real == expected, "seed \(seed) round \(round): \(a) to \(b), reverse \(reverse)")
      if random.oneIn(60) { try store.flush() }
      if random.oneIn(120) {
        store.close()
        store = try StateStore.open(path: path, options: options)
      }
    }
    #expect(try rows(store) == rows(model), "seed \(seed)")
    #expect(model.count == (try rows(model).count) / 2)
  }

  @Test func `a scan by prefix stops at the prefix, also behind the last byte value`() throws {
    let directory = TemporaryDirectory()
    let store = try StateStore.open(path: directory.file("state"))
    var batch = RowBatch()
    for key: [UInt8] in [[1], [1, 0xFF], [1, 0xFF, 0xFF], [2], [0xFF], [0xFF, 1]] {
      batch.put(key, key)
    }
    try store.write(batch)
    func keys(_ prefix: [UInt8]) throws -> [[UInt8]] {
      var found: [[UInt8]] = []
      try store.scan(prefix: prefix) { key, value in
        #expect(key == value)
        found.append(key)
        return true
      }
      return found
    }
    #expect(try keys([1]) == [[1], [1, 0xFF], [1, 0xFF, 0xFF]])
    #expect(try keys([1, 0xFF]) == [[1, 0xFF], [1, 0xFF, 0xFF]])
    #expect(try keys([0xFF]) == [[0xFF], [0xFF, 1]])
    #expect(try keys([3]) == [])
  }

  @Test func `a checkpoint holds the state of its moment and opens by itself`() throws {
    let directory = TemporaryDirectory()
    let store = try StateStore.open(path: directory.file("state"))
    for value in UInt8(1)...3 {
      var batch = RowBatch()
      for key in UInt8(0)..<100 { batch.put([key], [value]) }
      try store.write(batch)
      try store.checkpoint(to: directory.file("checkpoint\(value)"))
    }
    for value in UInt8(1)...3 {
      let copy = try StateStore.open(path: directory.file("checkpoint\(value)"))
      for key in UInt8(0)..<100 { #expect(try copy.row([key]) == [value]) }
    }
    let taken = #expect(throws: StorageError.self) {
      try store.checkpoint(to: directory.file("checkpoint1"))
    }
    #expect(try #require(taken).description.contains("checkpoint1"))
  }

  @Test func `memory stays within its bounds while much is written and read`() throws {
    let directory = TemporaryDirectory()
    var options = StateStoreOptions()
    options.cacheBytes = 1 << 20
    options.writeBufferBytes = 256 << 10
    let store = try StateStore.open(path: directory.file("state"), options: options)
    var random = SeededRandom(9)
    for round in 0..<200 {
      var batch = RowBatch()
      for _ in 0..<50 { batch.put(random.bytes(16), random.bytes(500)) }
      try store.write(batch)
      if round % 20 == 0 { #expect(try rows(store, limit: 2000).count > 0) }
      #expect(store.memory.memtables <= 4 * options.writeBufferBytes)
      #expect(store.memory.cache <= 2 * options.cacheBytes)
    }
    try store.flush()
    #expect(store.estimatedRows > 5000 && store.fileBytes > 1 << 20)
    #expect(store.memoryBytes < 8 << 20)
  }

  @Test func `a path that cannot be opened is one clear line`() throws {
    let error = #expect(throws: StorageError.self) {
      _ = try StateStore.open(path: "/proc/castle/state")
    }
    let text = try #require(error).description
    #expect(text.hasPrefix("/proc/castle/state: cannot open the state store"))
    #expect(!text.contains("\n"))
  }

  // MARK: kill -9

  static let childVariable = "CASTLE_TEST_STATE_STORE"

  private static var childDirectory: String? { getenv(childVariable).map { String(cString: $0) } }

  private static func childOptions() -> StateStoreOptions {
    var options = StateStoreOptions()
    options.writeBufferBytes = 64 << 10
    return options
  }

  /// Runs only in the process that the next test starts, until it is killed: each batch writes
  /// one counter to all rows, and after each flush a file says so.
  @Test(.enabled(if: childDirectory != nil)) func `the child that is killed`() throws {
    let directory = try #require(Self.childDirectory)
    let store = try StateStore.open(path: directory + "/state", options: Self.childOptions())
    let progress = open(directory + "/flushed", O_WRONLY | O_CREAT, 0o600)
    var counter = try Self.counter(try store.row([0])) + 1
    while true {
      var batch = RowBatch()
      for key in UInt8(0)..<40 { batch.put([key], Self.value(counter)) }
      try store.write(batch)
      if counter % 50 == 0 {
        try store.flush()
        var stored = counter
        #expect(pwrite(progress, &stored, 8, 0) == 8)
      }
      counter += 1
    }
  }

  @Test func `a batch survives a kill -9 whole or not at all, and a flush survives it`() throws {
    let directory = TemporaryDirectory()
    for round in 1...4 {
      let before = Self.flushed(directory.path)
      let child = try Self.startChild(directory.path)
      var waited = 0
      while Self.flushed(directory.path) < before + 200, waited < 60_000 {
        usleep(1000)
        waited += 1
      }
      usleep(UInt32(round * 3700))
      kill(child, SIGKILL)
      var status: Int32 = 0
      #expect(waitpid(child, &status, 0) == child)
      #expect(status & 0x7F == SIGKILL, "the child ended by itself: \(status)")
      let acknowledged = Self.flushed(directory.path)
      #expect(acknowledged >= before + 200, "the child wrote nothing")
      let store = try StateStore.open(
        path: directory.file("state"), options: Self.childOptions())
      let values = try Set((UInt8(0)..<40).map { try store.row([$0]) })
      #expect(values.count == 1, "round \(round): rows of different batches")
      let found = try Self.counter(values.first ?? nil)
      #expect(found >= acknowledged, "round \(round): flushed rows are gone")
    }
  }

  /// A counter, and enough bytes that memtables fill and flush by themselves.
  private static func value(_ counter: UInt64) -> [UInt8] {
    var writer = ByteWriter()
    writer.u64(counter)
    writer.raw([UInt8](repeating: UInt8(truncatingIfNeeded: counter), count: 200))
    return writer.bytes
  }

  private static func counter(_ value: [UInt8]?) throws -> UInt64 {
    guard let value else { return 0 }
    var reader = ByteReader(value)
    return try reader.u64()
  }

  private static func flushed(_ directory: String) -> UInt64 {
    let file = open(directory + "/flushed", O_RDONLY)
    guard file >= 0 else { return 0 }
    defer { close(file) }
    var value: UInt64 = 0
    return pread(file, &value, 8, 0) == 8 ? value : 0
  }

  /// Starts this test program again with only the child's test.
  private static func startChild(_ directory: String) throws -> pid_t {
    let arguments = [
      "/proc/self/exe", "--testing-library", "swift-testing", "--filter",
      "the child that is killed",
    ]
    let environment = ["\(childVariable)=\(directory)"]
    var child: pid_t = 0
    let code = withStrings(arguments) { arguments in
      withStrings(environment + inherited()) { environment in
        posix_spawn(&child, "/proc/self/exe", nil, nil, arguments, environment)
      }
    }
    try #require(code == 0, "posix_spawn: errno \(code)")
    return child
  }

  private static func inherited() -> [String] {
    let names: [String] = ["PATH", "LD_LIBRARY_PATH", "HOME"]
    return names.compactMap { name in
      getenv(name).map { "\(name)=\(String(cString: $0))" }
    }
  }

  private static func withStrings<R>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R
  ) -> R {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
  }
}
