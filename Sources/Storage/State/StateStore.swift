// StateStore: the rows of the replicated state in RocksDB.
//
// Invariants:
//   * one column family and one WriteBatch a call: rows that are written together survive together or not at all
//   * no write-ahead log: what is not flushed is lost with the process and replayed from the Raft log
//   * every iterator and every read ends inside the call that made it (RocksDB aborts at close otherwise)
// Not here: what the rows mean, and when to flush (the caller; it cuts the log only behind a finished flush).
// Why one family: with several, a kill leaves them at different batches (measured on RocksDB 7.8.3).

import CRocksDB
import Glibc
import Wire

/// Sizes of a `StateStore`. The defaults keep its memory below about 80 MiB.
public struct StateStoreOptions: Sendable {
  /// Cache of blocks read from disk, with their indexes and filters, in bytes.
  public var cacheBytes = 32 << 20
  /// One memtable, in bytes; at most `writeBuffers` exist at once.
  public var writeBufferBytes = 16 << 20
  public var writeBuffers = 2
  /// How many table files are kept open.
  public var openFilesMax = 256

  public init() {}
}

/// A key-value store on RocksDB. One thread writes; reads, flushes and checkpoints may come from others.
public final class StateStore: RowReader, @unchecked Sendable {  // RocksDB locks for itself
  public let path: String
  private var database: OpaquePointer?
  private let cache: OpaquePointer
  private let writeOptions: OpaquePointer
  private let readOptions: OpaquePointer
  private let batch: OpaquePointer

  private init(path: String, database: OpaquePointer, cache: OpaquePointer) {
    self.path = path
    self.database = database
    self.cache = cache
    writeOptions = rocksdb_writeoptions_create()
    rocksdb_writeoptions_disable_WAL(writeOptions, 1)
    readOptions = rocksdb_readoptions_create()
    batch = rocksdb_writebatch_create()
  }

  deinit {
    close()
    rocksdb_writebatch_destroy(batch)
    rocksdb_readoptions_destroy(readOptions)
    rocksdb_writeoptions_destroy(writeOptions)
    rocksdb_cache_destroy(cache)
  }

  /// Opens a store, making an empty one if there is none.
  public static func open(
    path: String, options: StateStoreOptions = StateStoreOptions()
  ) throws(StorageError) -> StateStore {
    try requireRoom(path)
    let cache: OpaquePointer = rocksdb_cache_create_lru(options.cacheBytes)
    let settings = RocksSettings.make(options, cache: cache)
    defer { rocksdb_options_destroy(settings) }
    var failure: UnsafeMutablePointer<CChar>?
    let database = rocksdb_open(settings, path, &failure)
    guard failure == nil, let database else {
      rocksdb_cache_destroy(cache)
      throw error(path, "cannot open the state store", failure)
    }
    return StateStore(path: path, database: database, cache: cache)
  }

  /// Reads a store that nobody writes: a checkpoint. Changes no file but RocksDB's own notes (`LOG`).
  public static func withReadOnly<T>(
    path: String, _ body: (any RowReader) throws -> T
  ) throws -> T {
    var options = StateStoreOptions()
    options.cacheBytes = 8 << 20
    let cache: OpaquePointer = rocksdb_cache_create_lru(options.cacheBytes)
    let settings = RocksSettings.make(options, cache: cache)
    defer { rocksdb_options_destroy(settings) }
    var failure: UnsafeMutablePointer<CChar>?
    let database = rocksdb_open_for_read_only(settings, path, 0, &failure)
    guard failure == nil, let database else {
      rocksdb_cache_destroy(cache)
      throw error(path, "cannot read this checkpoint", failure)
    }
    let store = StateStore(path: path, database: database, cache: cache)
    defer { store.close() }
    return try body(store)
  }

  /// Opening writes a few small files, and RocksDB 7.8.3 aborts the process if one of them finds the disk full.
  private static func requireRoom(_ path: String) throws(StorageError) {
    let disk = LinuxDisk()
    let isThere = try disk.exists(path)
    // What cannot be looked up cannot be opened either: RocksDB says why.
    guard let free = try? disk.freeBytes(isThere ? path : DiskPath.parent(of: path) ?? ".") else {
      return
    }
    guard free >= 1 << 20 else {
      throw StorageError(path, "cannot open the state store", code: ENOSPC)
    }
  }

  /// Writes a batch, whole or not at all. Readers see it on return; it is durable after the next flush.
  ///
  /// - Throws: `StorageError` if RocksDB refuses (for example after a failed background flush).
  public func write(_ rows: RowBatch) throws(StorageError) {
    guard !rows.isEmpty else { return }
    rocksdb_writebatch_clear(batch)
    for position in 0..<rows.count {
      rows.withChange(at: position) { key, value in
        let keyStart = key.baseAddress?.assumingMemoryBound(to: CChar.self)
        if let value {
          rocksdb_writebatch_put(
            batch, keyStart, key.count, value.baseAddress?.assumingMemoryBound(to: CChar.self),
            value.count)
        } else {
          rocksdb_writebatch_delete(batch, keyStart, key.count)
        }
      }
    }
    try call("cannot write") { rocksdb_write(opened, writeOptions, batch, &$0) }
  }

  public func row(_ key: [UInt8]) throws(StorageError) -> [UInt8]? {
    var value: [UInt8]?
    try call("cannot read") { failure in
      key.withRocksBytes { bytes, count in
        let pinned = rocksdb_get_pinned(opened, readOptions, bytes, count, &failure)
        guard let pinned else { return }
        defer { rocksdb_pinnableslice_destroy(pinned) }
        var length = 0
        let start = rocksdb_pinnableslice_value(pinned, &length)
        value = [UInt8](UnsafeRawBufferPointer(start: start, count: length))
      }
    }
    return value
  }

  public func scan(
    from: [UInt8], upTo: [UInt8], reverse: Bool, _ body: (_ key: [UInt8], _ value: [UInt8]) -> Bool
  ) throws {
    guard from.lexicographicallyPrecedes(upTo) else { return }
    try from.withRocksBytes { low, lowCount in
      try upTo.withRocksBytes { high, highCount in
        let options: OpaquePointer = rocksdb_readoptions_create()
        defer { rocksdb_readoptions_destroy(options) }
        rocksdb_readoptions_set_iterate_lower_bound(options, low, lowCount)
        rocksdb_readoptions_set_iterate_upper_bound(options, high, highCount)
        let iterator: OpaquePointer = rocksdb_create_iterator(opened, options)
        defer { rocksdb_iter_destroy(iterator) }
        if reverse {
          rocksdb_iter_seek_to_last(iterator)
        } else {
          rocksdb_iter_seek_to_first(iterator)
        }
        // The memory of a row that `body` did not keep is used again for the next one.
        var key: [UInt8] = []
        var value: [UInt8] = []
        while rocksdb_iter_valid(iterator) != 0 {
          var count = 0
          let keyStart = rocksdb_iter_key(iterator, &count)
          key.refill(UnsafeRawBufferPointer(start: keyStart, count: count))
          let valueStart = rocksdb_iter_value(iterator, &count)
          value.refill(UnsafeRawBufferPointer(start: valueStart, count: count))
          guard body(key, value) else { break }
          if reverse { rocksdb_iter_prev(iterator) } else { rocksdb_iter_next(iterator) }
        }
        try call("cannot scan") { rocksdb_iter_get_error(iterator, &$0) }
      }
    }
  }

  /// Makes everything written before the call durable; returns when it is.
  public func flush() throws(StorageError) {
    let options: OpaquePointer = rocksdb_flushoptions_create()
    defer { rocksdb_flushoptions_destroy(options) }
    rocksdb_flushoptions_set_wait(options, 1)
    try call("cannot flush") { rocksdb_flush(opened, options, &$0) }
  }

  /// Makes a durable copy (hard links) of the present state in a new directory, whose parent must exist.
  public func checkpoint(to directory: String) throws(StorageError) {
    var maker: OpaquePointer?
    try call("cannot make a checkpoint") {
      maker = rocksdb_checkpoint_object_create(opened, &$0)
    }
    guard let maker else { return }
    defer { rocksdb_checkpoint_object_destroy(maker) }
    try call("cannot make a checkpoint in \(directory)") {
      rocksdb_checkpoint_create(maker, directory, 0, &$0)
    }
  }

  /// Flushes and closes. Later calls trap; a second `close()` does nothing.
  public func close() {
    guard let database else { return }
    rocksdb_close(database)
    self.database = nil
  }

  /// Where the memory goes, in bytes.
  public var memory: (cache: Int, memtables: Int, tableReaders: Int) {
    (
      rocksdb_cache_get_usage(cache), property("rocksdb.cur-size-all-mem-tables"),
      property("rocksdb.estimate-table-readers-mem")
    )
  }

  /// All memory that RocksDB reports, in bytes.
  public var memoryBytes: Int { memory.cache + memory.memtables + memory.tableReaders }

  /// About how many rows there are.
  public var estimatedRows: Int { property("rocksdb.estimate-num-keys") }

  /// The bytes of all live table files.
  public var fileBytes: Int { property("rocksdb.live-sst-files-size") }

  private var opened: OpaquePointer {
    guard let database else { preconditionFailure("the state store is closed") }
    return database
  }

  private func property(_ name: String) -> Int {
    var value: UInt64 = 0
    guard rocksdb_property_int(opened, name, &value) == 0 else { return 0 }
    return Int(clamping: value)
  }

  private func call(
    _ message: String, _ body: (inout UnsafeMutablePointer<CChar>?) -> Void
  ) throws(StorageError) {
    var failure: UnsafeMutablePointer<CChar>?
    body(&failure)
    if failure != nil { throw Self.error(path, message, failure) }
  }

  private static func error(
    _ path: String, _ message: String, _ failure: UnsafeMutablePointer<CChar>?
  ) -> StorageError {
    guard let failure else { return StorageError(path, message) }
    defer { rocksdb_free(failure) }
    let text = String(cString: failure)
    return StorageError(
      path, "\(message): \(text)", code: text.contains("No space left") ? ENOSPC : 0)
  }
}

extension [UInt8] {
  /// Takes other bytes, in the same memory if nobody else has it and they have room.
  fileprivate mutating func refill(_ bytes: UnsafeRawBufferPointer) {
    removeAll(keepingCapacity: true)
    append(contentsOf: bytes)
  }

  /// The bytes as the C interface wants them; the pointer is never nil.
  fileprivate func withRocksBytes<R>(
    _ body: (UnsafePointer<CChar>, Int) throws -> R
  ) rethrows -> R {
    let count = self.count
    return try (isEmpty ? [0] : self).withUnsafeBufferPointer { buffer in
      try buffer.withMemoryRebound(to: CChar.self) { bytes in
        guard let start = bytes.baseAddress else { preconditionFailure("a filled array has bytes") }
        return try body(start, count)
      }
    }
  }
}
