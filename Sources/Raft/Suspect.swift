// Suspect: what a node whose disk was damaged may have promised, although it cannot read it any more.
//
// Not here: how it behaves until it is repaired (Consensus+Suspect), how damage is found (Storage).

/// What a damaged log once held after its intact part.
public enum Suspect: Hashable, Sendable {
  /// Entries up to this one: the node votes as if it still held them.
  case upTo(EntryID)
  /// Nobody knows how far: the node abstains.
  case unknown
}
