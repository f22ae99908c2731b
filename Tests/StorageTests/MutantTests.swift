// MutantTests: every planted bug of this room is caught by a proof that the right code passes.
//
// Not here: the proofs (LogCrashTests, LogRepairTests, SnapshotCrashTests, SnapshotDamageTests).

import TestSupport
import Testing

@testable import Storage

@Suite struct MutantTests {
  /// The proof that must catch each bug: what it found wrong, `nil` if nothing.
  static func proof(_ bug: StorageMutant.Bug, _ mutant: StorageMutant) throws -> String? {
    switch bug {
    case .ackBeforeSync, .hardStateNotInGroup, .spareNotZeroed:
      LogCrashTests.firstViolation(LogCrashTests.crashes, mutant)
    case .damageTakenForTorn, .claimForgotten: try LogRepairTests.firstViolation(mutant)
    case .pointerBeforeFiles: try SnapshotCrashTests.firstInstalling(mutant)
    case .snapshotNotSynced: SnapshotCrashTests.firstMaking(mutant)
    case .checksumNotChecked: try spoiledTransfer(mutant)
    }
  }

  /// A transfer with one flipped bit that the rows' own check does not see.
  static func spoiledTransfer(_ mutant: StorageMutant) throws -> String? {
    let disk = try SnapshotInstalling.node()
    let manifest = try SnapshotInstalling.manifest()
    let install = try SnapshotInstall(
      try SnapshotInstalling.open(disk), manifest: manifest, mutant: mutant)
    _ = try SnapshotInstalling.send(install) { bytes, number in
      if number == 0 { bytes[0] ^= 1 }
    }
    try install.finishFiles { _ in manifest.contents }
    let data = try SnapshotInstalling.open(disk.after(.power))
    for file in manifest.files {
      let path = data.statePath + "/" + file.name
      guard FileChecksum.of(disk.bytes(path)) == file.checksum else { return "\(path) is damaged" }
    }
    return nil
  }

  @Test(arguments: StorageMutant.Bug.allCases)
  func `a planted bug is caught, and runs`(_ bug: StorageMutant.Bug) throws {
    let mutant = StorageMutant(bug)
    let caught: String?
    do {
      caught = try Self.proof(bug, mutant)
    } catch {
      caught = "\(error)"
    }
    #expect(caught != nil, "\(bug) survived")
    #expect(mutant.runs > 0, "\(bug) never ran")
    if let caught {
      print("storage:\(bug) caught by MutantTests, branch ran \(mutant.runs) times: \(caught)")
    }
  }

  // The other proofs are tests of their own.
  @Test func `the right code passes the proof of a spoiled transfer`() throws {
    #expect(try Self.spoiledTransfer(.none) == nil)
  }
}
