// Checker+Order: writes that were submitted at one node take effect in that order.
//
// Invariant: only requests that were submitted once are compared; another submission may have been
// faster. Raises of the level are left out: what one leader refused, without being heard, the next may take.
// Not here: order between operations that do not overlap (Checker+Answers).

import Engine

/// A node in one of its lives.
struct Submitter: Hashable {
  var place: Int
  var life: Int
}

extension Checker {
  func submits(_ id: RequestID, _ node: SimNode) {
    submissions[id, default: 0] += 1
    submitted[Submitter(place: node.place, life: node.lives), default: []].append(id)
  }

  func checkOrder(_ executed: [RequestID: Told]) {
    let submitters = submitted.keys.sorted { ($0.place, $0.life) < ($1.place, $1.life) }
    for submitter in submitters {
      let ids = submitted[submitter] ?? []
      var newest: UInt64 = 0
      for id in ids where submissions[id] == 1 && !raises.contains(id) {
        guard let index = executed[id]?.index else { continue }
        if index < newest {
          return fail(
            "overtaking",
            "a write of node \(submitter.place + 1) took effect at \(index), one before it at"
              + " \(newest)")
        }
        newest = index
      }
    }
  }
}
