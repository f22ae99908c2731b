// StateReading: what the rows of a stopped node or of a snapshot say about themselves, the state hash counted anew.
//
// Not here: manifests (Storage), what rows mean (Replica).

import Replica
import Storage

enum StateReading {
  /// Reads all rows of the state in a directory.
  ///
  /// - Throws: one clear line if they cannot be read or do not add up.
  static func contents(_ path: String) throws -> SnapshotContents {
    try StateStore.withReadOnly(path: path) { rows in
      let summary = try StateSummary(recounting: rows)
      return SnapshotContents(
        applied: summary.marker.applied, configuration: summary.marker.configuration,
        stateHash: summary.marker.stateHash, genesisHash: summary.marker.genesisHash,
        level: summary.level)
    }
  }
}
