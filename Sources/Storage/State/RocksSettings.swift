// RocksSettings: the RocksDB options of the state store, and why.
//
// Not here: sizes (StateStoreOptions).

import CRocksDB

enum RocksSettings {
  /// ChecksumType::kXXH3 of rocksdb/table.h, which the C header does not name.
  private static let xxHash3: CChar = 4
  /// InfoLogLevel::WARN_LEVEL of rocksdb/env.h.
  private static let warnings: Int32 = 2

  /// Options to open a database with; the caller destroys them. `cache` must outlive the database.
  static func make(_ options: StateStoreOptions, cache: OpaquePointer) -> OpaquePointer {
    let settings: OpaquePointer = rocksdb_options_create()
    rocksdb_options_set_create_if_missing(settings, 1)
    rocksdb_options_set_paranoid_checks(settings, 1)
    setMemory(settings, options)
    setLevels(settings)
    setTables(settings, cache: cache)
    // Two cores are shared with the order path: one flush and one compaction at a time.
    rocksdb_options_set_max_background_jobs(settings, 2)
    rocksdb_options_set_bytes_per_sync(settings, 1 << 20)
    rocksdb_options_set_info_log_level(settings, warnings)
    rocksdb_options_set_max_log_file_size(settings, 1 << 20)
    rocksdb_options_set_keep_log_file_num(settings, 3)
    rocksdb_options_set_stats_dump_period_sec(settings, 0)
    rocksdb_options_set_stats_persist_period_sec(settings, 0)
    return settings
  }

  private static func setMemory(_ settings: OpaquePointer, _ options: StateStoreOptions) {
    rocksdb_options_set_write_buffer_size(settings, options.writeBufferBytes)
    rocksdb_options_set_max_write_buffer_number(settings, Int32(options.writeBuffers))
    rocksdb_options_set_max_open_files(settings, Int32(options.openFilesMax))
    rocksdb_options_set_table_cache_numshardbits(settings, 2)
    // Only one thread writes: the concurrent memtable path would only cost.
    rocksdb_options_set_allow_concurrent_memtable_write(settings, 0)
  }

  private static func setLevels(_ settings: OpaquePointer) {
    rocksdb_options_set_compression(settings, Int32(rocksdb_lz4_compression))
    rocksdb_options_set_target_file_size_base(settings, 16 << 20)
    rocksdb_options_set_max_bytes_for_level_base(settings, 64 << 20)
    rocksdb_options_set_level_compaction_dynamic_level_bytes(settings, 1)
  }

  private static func setTables(_ settings: OpaquePointer, cache: OpaquePointer) {
    let table: OpaquePointer = rocksdb_block_based_options_create()
    defer { rocksdb_block_based_options_destroy(table) }
    rocksdb_block_based_options_set_block_cache(table, cache)
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1)
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1)
    rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10))
    rocksdb_block_based_options_set_checksum(table, xxHash3)
    rocksdb_block_based_options_set_format_version(table, 5)
    rocksdb_block_based_options_set_block_size(table, 8 << 10)
    rocksdb_options_set_block_based_table_factory(settings, table)
  }
}
