// StateSummary: what stored rows say about themselves, for the manifest of a snapshot and for tools.
//
// Not here: manifests and files (Storage).

import Engine
import Wire

/// How far stored rows go, and what they amount to.
public struct StateSummary: Hashable, Sendable {
  public var marker: AppliedMarker
  /// The replicated level of behaviour that the rows were made under.
  public var level: UInt32

  /// Believes what the rows say.
  public init(of rows: any RowReader) throws {
    try self.init(AppliedMarker.load(rows) ?? .initial, rows)
  }

  /// Reads the whole state, and counts its hash anew.
  ///
  /// - Throws: `ReplicaError`, or what the rows throw, if they cannot be read or do not add up.
  /// - Complexity: O(rows of the state); history is not part of it.
  public init(recounting rows: any RowReader) throws {
    try self.init(StateMachine(loading: rows).marker, rows)
  }

  private init(_ marker: AppliedMarker, _ rows: any RowReader) throws {
    self.marker = marker
    level = try Self.level(of: rows)
  }

  /// The level that the rows were made under.
  static func level(of rows: any RowReader) throws -> UInt32 {
    try rows.row(EngineRows.settingsKey).map { try EngineRows.decodeSettings(value: $0).level }
      ?? Behaviour.first
  }
}
